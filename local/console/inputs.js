// What goes along with the prompt: frames, references, sound, seed. A mode of the catalogue says which of them it takes.

import * as api from "./api.js";
import { chips, find, make, picked } from "./dom.js";
import { say } from "./words.js";

const FILES = { imageUrl: "images", lastImageUrl: "images", imageUrls: "images", videoUrls: "videos", audioUrls: "audios" };
export const INPUTS = ["mode", ...Object.keys(FILES), "generateAudio", "seed", "negativePrompt"];

const uploaded = new WeakMap();
const input = (field) => find(`#${field} input`);

/** `changed()` is called when the price may be another one. */
export function openInputs(changed) {
  for (const field of Object.keys(FILES)) {
    input(field).onchange = () => showFiles(field);
    find(`#${field} button`).onclick = () => { input(field).value = ""; showFiles(field); input(field).focus(); };
  }
  input("generateAudio").onchange = changed;
}

/** The mode that is chosen, or else the model's first. */
export const modeOf = ({ modes }) => modes.find(({ mode }) => mode === picked("mode")) ?? modes[0];

/** Draws the model's modes, and shows the inputs of the one that is chosen. */
export function drawInputs(model, changed) {
  const mode = modeOf(model);
  find("#mode .chips").replaceChildren(...chips("mode", model.modes.map((offered) => ({ value: offered.mode, text: say(`mode.${offered.mode}`) })), mode.mode, changed));
  for (const field of Object.keys(FILES)) {
    find(`#${field}`).hidden = !takes(mode, field);
    if (input(field).multiple) find(`#${field}`).dataset.most = mode[FILES[field]]?.max ?? 0;
  }
  const audio = input("generateAudio");
  find("#generateAudio").hidden = mode.audio !== "optional";
  if (audio.dataset.of !== `${model.id} ${mode.mode}`) Object.assign(audio, { checked: mode.audioDefault === true }).dataset.of = `${model.id} ${mode.mode}`;
  find("#seed").hidden = !mode.seed;
  if (mode.seed) Object.assign(input("seed"), { min: mode.seed.min, max: mode.seed.max });
  find("#negativePrompt").hidden = !mode.negativePromptLength;
  if (mode.negativePromptLength) input("negativePrompt").maxLength = mode.negativePromptLength.max;
}

function takes({ mode, images, videos, audios }, field) {
  const isReference = mode === "reference-to-video";
  switch (field) {
    case "imageUrl": return !isReference && Boolean(images);
    case "lastImageUrl": return mode === "frames-to-video";
    default: return isReference && Boolean({ images, videos, audios }[FILES[field]]);
  }
}

export const withSound = (mode) => (mode.audio === "optional" ? input("generateAudio").checked : mode.audioDefault);

/** The request's fields besides the prompt and the choices. Files are uploaded, each once. */
export async function readInputs(mode) {
  const read = { mode: mode.mode };
  for (const field of Object.keys(FILES)) {
    const files = takes(mode, field) ? [...input(field).files] : [];
    if (!files.length) continue;
    const urls = await Promise.all(files.map((file) => uploadOnce(file, field)));
    read[field] = input(field).multiple ? urls : urls[0];
  }
  if (mode.audio === "optional") read.generateAudio = input("generateAudio").checked;
  if (mode.seed && input("seed").value) read.seed = Number(input("seed").value);
  if (mode.negativePromptLength && input("negativePrompt").value.trim()) read.negativePrompt = input("negativePrompt").value;
  return read;
}

/** A file that isn't taken is said at its field, which the server knows nothing of. */
async function uploadOnce(file, field) {
  if (uploaded.has(file)) return uploaded.get(file);
  try {
    uploaded.set(file, await api.upload(file));
  } catch (error) {
    if (error instanceof api.Refused && error.code === "INVALID_REQUEST") {
      error.details.fields = [{ path: field, message: say(`notTaken.${FILES[field]}`, { name: file.name }) }];
    }
    throw error;
  }
  return uploaded.get(file);
}

/** Pictures are shown, other files named. */
function showFiles(field) {
  const place = find(`#${field} .shown span`);
  for (const shown of place.querySelectorAll("img")) URL.revokeObjectURL(shown.src);
  const files = [...input(field).files];
  place.replaceChildren(...files.map((file) => file.type.startsWith("image/")
    ? make("img", { src: URL.createObjectURL(file), alt: file.name })
    : make("span", {}, file.name)));
  find(`#${field} .shown`).hidden = !files.length;
}
