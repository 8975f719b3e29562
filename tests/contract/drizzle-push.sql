-- What `drizzle-kit push` 0.31.11 does to a database that Clipferry has migrated, as it prints it with --verbose: every
-- CHECK and index that the application's Drizzle models don't have.
ALTER TABLE "videos" DROP CONSTRAINT "clipferry_credits_not_negative";
ALTER TABLE "credit_packages" DROP CONSTRAINT "clipferry_frozen_not_negative";
ALTER TABLE "credit_packages" DROP CONSTRAINT "clipferry_no_more_than_initial";
ALTER TABLE "credit_packages" DROP CONSTRAINT "clipferry_remaining_not_negative";
ALTER TABLE "credit_holds" DROP CONSTRAINT "clipferry_hold_positive";
ALTER TABLE "credit_holds" DROP CONSTRAINT "clipferry_hold_status";
ALTER TABLE "credit_holds" DROP CONSTRAINT "clipferry_hold_backed";
DROP INDEX "clipferry_videos_in_flight_idx";
DROP INDEX "clipferry_videos_list_idx";
DROP INDEX "clipferry_videos_list_status_idx";
DROP INDEX "clipferry_videos_task_key";
DROP INDEX "clipferry_packages_expiring_idx";
DROP INDEX "clipferry_packages_spendable_idx";
DROP INDEX "clipferry_transactions_history_idx";
DROP INDEX "clipferry_transactions_history_type_idx";
