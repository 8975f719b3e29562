-- What a film's file says of itself, so that an owner can ask for all silent films, or all that are longer than a minute.
-- Sizes are pixels as displayed; the codec is that of the pictures. All are null for files from before, and for what the
-- file doesn't say.
ALTER TABLE clipferry.mirrored_files
    ADD COLUMN duration_ms bigint,
    ADD COLUMN width integer,
    ADD COLUMN height integer,
    ADD COLUMN codec text,
    ADD COLUMN has_audio boolean,
    ADD COLUMN frame_rate double precision;
