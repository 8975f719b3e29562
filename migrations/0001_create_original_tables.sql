-- The tables of the original application, exactly as `prisma db push` makes them; a database that Prisma
-- filled already has them all, and then nothing here changes it.
DO $$ BEGIN
    CREATE TYPE "CreditPackageStatus" AS ENUM ('ACTIVE', 'DEPLETED', 'EXPIRED');
EXCEPTION WHEN duplicate_object THEN NULL; END $$;

DO $$ BEGIN
    CREATE TYPE "CreditTransType" AS ENUM
        ('NEW_USER', 'ORDER_PAY', 'SUBSCRIPTION', 'VIDEO_CONSUME', 'REFUND', 'EXPIRED', 'SYSTEM_ADJUST');
EXCEPTION WHEN duplicate_object THEN NULL; END $$;

DO $$ BEGIN
    CREATE TYPE "VideoStatus" AS ENUM ('PENDING', 'GENERATING', 'UPLOADING', 'COMPLETED', 'FAILED');
EXCEPTION WHEN duplicate_object THEN NULL; END $$;

CREATE TABLE IF NOT EXISTS "user" (
    "id" text NOT NULL DEFAULT gen_random_uuid(),
    "name" text,
    "email" text NOT NULL,
    "emailVerified" boolean NOT NULL DEFAULT false,
    "image" text,
    "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "isAdmin" boolean NOT NULL DEFAULT false,
    CONSTRAINT "user_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX IF NOT EXISTS "user_email_key" ON "user" ("email");

CREATE TABLE IF NOT EXISTS "session" (
    "id" text NOT NULL DEFAULT gen_random_uuid(),
    "userId" text NOT NULL,
    "token" text NOT NULL,
    "expiresAt" timestamp(3) NOT NULL,
    "ipAddress" text,
    "userAgent" text,
    "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "session_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "session_userId_fkey" FOREIGN KEY ("userId")
        REFERENCES "user" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE UNIQUE INDEX IF NOT EXISTS "session_token_key" ON "session" ("token");
CREATE INDEX IF NOT EXISTS "session_userId_idx" ON "session" ("userId");

CREATE TABLE IF NOT EXISTS "account" (
    "id" text NOT NULL DEFAULT gen_random_uuid(),
    "userId" text NOT NULL,
    "accountId" text NOT NULL,
    "providerId" text NOT NULL,
    "accessToken" text,
    "refreshToken" text,
    "accessTokenExpiresAt" timestamp(3),
    "refreshTokenExpiresAt" timestamp(3),
    "scope" text,
    "idToken" text,
    "password" text,
    "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "account_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "account_userId_fkey" FOREIGN KEY ("userId")
        REFERENCES "user" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE UNIQUE INDEX IF NOT EXISTS "account_providerId_accountId_key" ON "account" ("providerId", "accountId");
CREATE INDEX IF NOT EXISTS "account_userId_idx" ON "account" ("userId");

CREATE TABLE IF NOT EXISTS "verification" (
    "id" text NOT NULL DEFAULT gen_random_uuid(),
    "identifier" text NOT NULL,
    "value" text NOT NULL,
    "expiresAt" timestamp(3) NOT NULL,
    "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "verification_pkey" PRIMARY KEY ("id")
);

CREATE TABLE IF NOT EXISTS "videos" (
    "id" serial NOT NULL,
    "uuid" text NOT NULL,
    "user_id" text NOT NULL,
    "prompt" text NOT NULL,
    "model" text NOT NULL,
    "parameters" jsonb,
    "status" "VideoStatus" NOT NULL DEFAULT 'PENDING',
    "provider" text,
    "external_task_id" text,
    "error_message" text,
    "start_image_url" text,
    "original_video_url" text,
    "video_url" text,
    "thumbnail_url" text,
    "duration" integer,
    "resolution" text,
    "aspect_ratio" text,
    "file_size" integer,
    "credits_used" integer NOT NULL DEFAULT 0,
    "created_at" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" timestamp(3) NOT NULL,
    "completed_at" timestamp(3),
    "generation_time" integer,
    "is_deleted" boolean NOT NULL DEFAULT false,
    CONSTRAINT "videos_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "videos_user_id_fkey" FOREIGN KEY ("user_id")
        REFERENCES "user" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE UNIQUE INDEX IF NOT EXISTS "videos_uuid_key" ON "videos" ("uuid");
CREATE INDEX IF NOT EXISTS "videos_user_id_idx" ON "videos" ("user_id");
CREATE INDEX IF NOT EXISTS "videos_status_idx" ON "videos" ("status");
CREATE INDEX IF NOT EXISTS "videos_created_at_idx" ON "videos" ("created_at");

CREATE TABLE IF NOT EXISTS "credit_packages" (
    "id" serial NOT NULL,
    "user_id" text NOT NULL,
    "initial_credits" integer NOT NULL,
    "remaining_credits" integer NOT NULL,
    "frozen_credits" integer NOT NULL DEFAULT 0,
    "trans_type" "CreditTransType" NOT NULL,
    "order_no" text,
    "status" "CreditPackageStatus" NOT NULL DEFAULT 'ACTIVE',
    "expired_at" timestamp(3),
    "created_at" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" timestamp(3) NOT NULL,
    CONSTRAINT "credit_packages_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "credit_packages_user_id_fkey" FOREIGN KEY ("user_id")
        REFERENCES "user" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE INDEX IF NOT EXISTS "credit_packages_user_id_status_idx" ON "credit_packages" ("user_id", "status");
CREATE INDEX IF NOT EXISTS "credit_packages_user_id_expired_at_idx" ON "credit_packages" ("user_id", "expired_at");

CREATE TABLE IF NOT EXISTS "credit_holds" (
    "id" serial NOT NULL,
    "user_id" text NOT NULL,
    "video_uuid" text NOT NULL,
    "credits" integer NOT NULL,
    "status" text NOT NULL DEFAULT 'HOLDING',
    "package_allocation" jsonb NOT NULL,
    "package_id" integer,
    "created_at" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "settled_at" timestamp(3),
    CONSTRAINT "credit_holds_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "credit_holds_package_id_fkey" FOREIGN KEY ("package_id")
        REFERENCES "credit_packages" ("id") ON DELETE SET NULL ON UPDATE CASCADE,
    CONSTRAINT "credit_holds_user_id_fkey" FOREIGN KEY ("user_id")
        REFERENCES "user" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE UNIQUE INDEX IF NOT EXISTS "credit_holds_video_uuid_key" ON "credit_holds" ("video_uuid");
CREATE INDEX IF NOT EXISTS "credit_holds_user_id_idx" ON "credit_holds" ("user_id");
CREATE INDEX IF NOT EXISTS "credit_holds_status_idx" ON "credit_holds" ("status");
CREATE INDEX IF NOT EXISTS "credit_holds_package_id_idx" ON "credit_holds" ("package_id");

CREATE TABLE IF NOT EXISTS "credit_transactions" (
    "id" serial NOT NULL,
    "trans_no" text NOT NULL,
    "user_id" text NOT NULL,
    "trans_type" "CreditTransType" NOT NULL,
    "credits" integer NOT NULL,
    "balance_after" integer NOT NULL,
    "package_id" integer,
    "video_uuid" text,
    "order_no" text,
    "hold_id" integer,
    "remark" text,
    "created_at" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "credit_transactions_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "credit_transactions_user_id_fkey" FOREIGN KEY ("user_id")
        REFERENCES "user" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE UNIQUE INDEX IF NOT EXISTS "credit_transactions_trans_no_key" ON "credit_transactions" ("trans_no");
CREATE INDEX IF NOT EXISTS "credit_transactions_user_id_idx" ON "credit_transactions" ("user_id");
CREATE INDEX IF NOT EXISTS "credit_transactions_trans_type_idx" ON "credit_transactions" ("trans_type");
CREATE INDEX IF NOT EXISTS "credit_transactions_created_at_idx" ON "credit_transactions" ("created_at");
