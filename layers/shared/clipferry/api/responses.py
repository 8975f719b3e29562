"""The JSON that each route answers, made from what its use case returns; `response_types` has the types."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from clipferry.models import VideoStatus

if TYPE_CHECKING:  # imported here, these would cost every function its cold start
    from clipferry.api.response_types import (
        BalanceJson,
        CreatedVideoJson,
        HistoryJson,
        LedgerRowJson,
        MediaJson,
        PageJson,
        StatusJson,
        TransactionJson,
        UploadJson,
        UserJson,
        VideoDetailJson,
        VideoJson,
    )
    from clipferry.db.ledger import Balance, LedgerRow
    from clipferry.db.users import User
    from clipferry.models import Video
    from clipferry.usecases.create_video import CreatedVideo
    from clipferry.usecases.presign_upload import PresignedUpload
    from clipferry.usecases.query_videos import Page
    from clipferry.usecases.read_credits import HistoryPage

_NEWER_TYPES: Final = {"VIDEO_CONSUME": "video_generate", "REFUND": "video_refund", "SYSTEM_ADJUST": "admin_adjust"}
"""The newer front end's words for a transaction's type; the others are the same in lower case."""


def created(result: CreatedVideo) -> CreatedVideoJson:
    return {
        "videoUuid": result.video_uuid,
        "taskId": result.task_id,
        "provider": result.provider,
        "status": result.status.value,
        "estimatedTime": result.estimated_time,
        "creditsUsed": result.credits_used,
    }


def retried(row: Video) -> CreatedVideoJson:
    return {
        "videoUuid": row.uuid,
        "taskId": row.external_task_id,
        "provider": row.provider or "",
        "status": row.status.value,
        "estimatedTime": None,
        "creditsUsed": row.credits_used,
    }


def replay_headers(result: CreatedVideo) -> dict[str, str]:
    return {"Idempotent-Replayed": "true"} if result.replayed else {}


def video(row: Video) -> VideoJson:
    """The row in camelCase, as the original's front end reads it. Only a paid video shows the provider's URL."""
    return {
        "id": row.id,
        "uuid": row.uuid,
        "userId": row.user_id,
        "prompt": row.prompt,
        "model": row.model,
        "parameters": row.parameters,
        "status": row.status.value,
        "provider": row.provider,
        "externalTaskId": row.external_task_id,
        "errorMessage": row.error_message,
        "errorCode": row.error_code,
        "startImageUrl": row.start_image_url,
        "originalVideoUrl": row.original_video_url if row.status is VideoStatus.COMPLETED else None,
        "videoUrl": row.video_url,
        "thumbnailUrl": row.thumbnail_url,
        "duration": row.duration,
        "resolution": row.resolution,
        "aspectRatio": row.aspect_ratio,
        "width": row.width,
        "height": row.height,
        "fileSize": row.file_size,
        "creditsUsed": row.credits_used,
        "createdAt": iso(row.created_at),
        "updatedAt": iso(row.updated_at),
        "completedAt": iso(row.completed_at) if row.completed_at else None,
        "generationTime": row.generation_time,
        "isDeleted": row.is_deleted,
        "metadata": row.metadata or {},
        "progress": row.progress,
    }


def video_detail(row: Video) -> VideoDetailJson:
    """The row, and what the mirrored file says of itself; `media` is null until the video is COMPLETED."""
    return {**video(row), "media": _media(row) if row.status is VideoStatus.COMPLETED else None}


def _media(row: Video) -> MediaJson:
    return {
        "durationMs": row.duration_ms,
        "width": row.width,
        "height": row.height,
        "codec": row.codec,
        "hasAudio": row.has_audio,
        "frameRate": row.frame_rate,
    }


def page(found: Page) -> PageJson:
    has_more = found.next_cursor is not None
    return {"videos": [video(row) for row in found.videos], "nextCursor": found.next_cursor, "hasMore": has_more}


def status(row: Video) -> StatusJson:
    answer: StatusJson = {"status": row.status.value}
    if row.progress is not None:
        answer["progress"] = row.progress
    if row.video_url:
        answer["videoUrl"] = row.video_url
    if row.error_message:
        answer["error"] = row.error_message
    if row.error_code:
        answer["errorCode"] = row.error_code
    return answer


def balance(found: Balance) -> BalanceJson:
    return {
        "totalCredits": found.total,
        "usedCredits": found.used,
        "frozenCredits": found.frozen,
        "availableCredits": found.available,
        "expiringSoon": found.expiring_soon,
    }


def history(found: HistoryPage) -> HistoryJson:
    """The page twice: `records` for the original's front end, `transactions` for its newer one."""
    return {
        "records": [_ledger_row(row) for row in found.rows],
        "transactions": [_transaction(row) for row in found.rows],
        "total": found.total,
        "hasMore": found.next_offset is not None,
        "nextCursor": None if found.next_offset is None else str(found.next_offset),
    }


def _ledger_row(row: LedgerRow) -> LedgerRowJson:
    return {
        "id": row.id,
        "transNo": row.trans_no,
        "userId": row.user_id,
        "transType": row.trans_type,
        "credits": row.credits,
        "balanceAfter": row.balance_after,
        "packageId": row.package_id,
        "videoUuid": row.video_uuid,
        "orderNo": row.order_no,
        "holdId": row.hold_id,
        "remark": row.remark,
        "createdAt": iso(row.created_at),
    }


def _transaction(row: LedgerRow) -> TransactionJson:
    return {
        "id": str(row.id),
        "userId": row.user_id,
        "transType": _NEWER_TYPES.get(row.trans_type, row.trans_type.lower()),
        "credits": row.credits,
        "balanceAfter": row.balance_after,
        "videoUuid": row.video_uuid,
        "remark": row.remark,
        "createdAt": iso(row.created_at),
    }


def upload(signed: PresignedUpload) -> UploadJson:
    return {
        "uploadUrl": signed.upload_url,
        "publicUrl": signed.public_url,
        "key": signed.key,
        "expiresIn": signed.expires_in,
    }


def user(row: User) -> UserJson:
    return {"id": row.id, "email": row.email, "name": row.name, "image": row.image, "isAdmin": row.is_admin}


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds, as JavaScript's toISOString writes it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
