"""Asks the provider what became of a video's task and moves the row. Callback, schedule and status refresh share it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from clipferry.db import events, finish_video, inbox, jobs, leases, provider_costs, videos
from clipferry.db.connection import Database
from clipferry.errors import ProviderError, TaskNotFoundError
from clipferry.mirror_queue import MirrorQueue, send_to_mirror
from clipferry.models import TaskReport, Video, VideoStatus
from clipferry.observability import count, logger, quote
from clipferry.outcome_metrics import count_failed
from clipferry.polling import Polling
from clipferry.provider_cost import ProviderCost
from clipferry.providers.base import Provider
from clipferry.usecases.told_to_stop import failure_of, report_if_not_found
from clipferry.verdicts import FailureCode, TaskState, Verdict

BEFORE_THE_FILE: Final = (VideoStatus.PENDING, VideoStatus.GENERATING)


class AdvanceContext(NamedTuple):
    """What advancing a video takes beside the database: the providers that have a key, the queue, and the deadlines."""

    providers: Mapping[str, Provider]
    queue: MirrorQueue
    polling: Polling


def advance_video(  # noqa: PLR0911 - one line for each thing that may be found
    video: Video,
    *,
    claimed_task: str | None = None,
    report: TaskReport | None = None,
    resend: bool = False,
    on_no_answer: Callable[[], None] = lambda: None,
    database: Database,
    context: AdvanceContext,
) -> Verdict:
    """Moves `video` as far as it can go now and returns what was found.

    `claimed_task` is a task id from a callback: assigned only while the row has none, and only if the provider knows it
    and no other video has it. `report` is what the provider itself has said of this task, under a signature that covers
    it: then it isn't asked. `resend` puts an UPLOADING video that nobody is mirroring on the queue again.
    `on_no_answer` is called when the provider was asked and gave no answer: it is busy, down or too slow.
    """
    if video.status is VideoStatus.COMPLETED:
        return Verdict.COMPLETED
    if video.status is VideoStatus.UPLOADING:
        return _resume_upload(video, database, context, resend=resend)
    task_id = video.external_task_id or claimed_task or _task_of_an_earlier_callback(video, database)
    if task_id is None:
        return _expire(video, database) if video.is_overdue else Verdict.NO_TASK
    report = report or _ask(video, task_id, context.providers, database, on_no_answer)
    task_id = (report and report.task_id) or task_id
    if video.status is VideoStatus.FAILED:
        return _note_late_success(video, task_id, report, database)
    is_claim = report is not None and video.external_task_id is None
    if is_claim and not _claim_task(video, task_id, database, context.polling):
        return _expire(video, database) if video.is_overdue else Verdict.NOT_ITS_TASK
    if report is not None and report.video_url is not None and _is_finished(report, video):
        return _start_upload(video, task_id, report, database, context)
    if report is not None and report.state is TaskState.FAILED:
        code = report.failure or FailureCode.PROVIDER_FAILED
        return _fail(video, code, report.detail, database, task_id=task_id, cost=report.cost)
    if video.is_overdue:
        return _expire(video, database)
    return Verdict.RUNNING if report is not None else _ask_again_soon(video, database, context.polling)


def _is_finished(report: TaskReport, video: Video) -> bool:
    """Whether its file is the film. One under a word that nobody knows may be a preview, until the time is over."""
    return report.state is TaskState.SUCCEEDED or (report.state is TaskState.UNKNOWN and video.is_overdue)


def _task_of_an_earlier_callback(video: Video, database: Database) -> str | None:
    """The task that a callback has named when the provider couldn't be asked."""
    if video.status is not VideoStatus.PENDING:
        return None
    callback = database.run(inbox.unanswered_task, video.uuid).first()
    return callback["task_id"] if callback else None


def _ask(
    video: Video, task_id: str, providers: Mapping[str, Provider], database: Database, on_no_answer: Callable[[], None]
) -> TaskReport | None:
    """Returns the provider's report, or None when it gave none; the question is a video event either way."""
    provider = providers.get(video.provider or "")
    if provider is None:
        logger.error("provider is not configured", video_uuid=video.uuid, provider=video.provider)
        return None
    errors = 0
    try:
        report = provider.ask(task_id)
        found = report.state.value
    except TaskNotFoundError:
        report, found = report_if_not_found(video), "NOT_FOUND"
    except ProviderError as error:
        report, found, errors = None, type(error).__name__, 1
        on_no_answer()
    except (ValueError, TypeError, LookupError) as error:  # an adapter's own fault: the deadline holds all the same
        logger.exception("answer not understood", video_uuid=video.uuid, provider=provider.name)
        count("ReconcileErrors")
        report, found, errors = None, type(error).__name__, 1
    count("ProviderErrors", errors, provider=provider.name)
    if report is not None and report.state is TaskState.UNKNOWN:
        count("UnknownTaskStates", provider=provider.name)
    if report is not None and report.state is TaskState.GIVEN_UP:
        report = _failed_if_said_before(video, report, database)
    with database.transaction() as tx:
        events.append(tx, video.uuid, "asked", provider=provider.name, found=found)
        if report is not None and report.progress is not None and report.progress != video.told_progress:
            jobs.note_progress(tx, uuid=video.uuid, progress=report.progress)
    return report


def _failed_if_said_before(video: Video, report: TaskReport, database: Database) -> TaskReport:
    """Takes a provider that says twice that no result has come at its word; once may be a passing fault."""
    before = database.run(events.last_answer, video.uuid).first()
    if before is None or before["found"] != TaskState.GIVEN_UP:
        return report
    return replace(report, state=TaskState.FAILED, failure=FailureCode.TIMED_OUT)


def _claim_task(video: Video, task_id: str, database: Database, polling: Polling) -> bool:
    with database.transaction() as tx:
        assigned = videos.assign_task(
            tx,
            uuid=video.uuid,
            task_id=task_id,
            deadline_seconds=polling.generation_deadline_seconds,
            next_check_seconds=polling.check_seconds,
        )
        current = videos.get(tx, video.uuid)
    row = current.first()
    if assigned.first() is not None:
        # Whoever has the callback URL has named it: another product's task on the same account looks alike.
        count("TasksAdopted", provider=video.provider or "none")
        return True
    return row is not None and row.external_task_id == task_id


def _start_upload(
    video: Video, task_id: str, report: TaskReport, database: Database, context: AdvanceContext
) -> Verdict:
    with database.transaction() as tx:
        started = videos.start_upload(
            tx,
            uuid=video.uuid,
            task_id=task_id,
            source_url=report.video_url or "",
            deadline_seconds=context.polling.upload_deadline_seconds,
            next_check_seconds=context.polling.check_seconds,
        )
        provider_costs.note(tx, uuid=video.uuid, task_id=task_id, cost=report.cost)
    if started.first() is None:
        return Verdict.MOVED
    send_to_mirror(video.uuid, context.queue)
    return Verdict.GENERATED


def _resume_upload(video: Video, database: Database, context: AdvanceContext, *, resend: bool) -> Verdict:
    row = database.run(leases.is_leased, video.uuid).first()
    if row is not None and row["is_leased"]:
        return Verdict.MIRRORING
    if video.is_overdue:
        return _fail(video, FailureCode.FILE_UNAVAILABLE, "not mirrored in time", database)
    if not resend:
        return Verdict.AWAITING_MIRROR
    if not send_to_mirror(video.uuid, context.queue):
        return Verdict.QUEUE_DOWN
    with database.transaction() as tx:
        events.append(tx, video.uuid, "mirror_queued_again")
        jobs.back_off(tx, uuid=video.uuid, seconds=context.polling.check_seconds)
    return Verdict.QUEUED_AGAIN


def _ask_again_soon(video: Video, database: Database, polling: Polling) -> Verdict:
    """Makes a video without a task due soon: a callback has named one, and the provider won't call back again."""
    if video.external_task_id is None:
        with database.transaction() as tx:
            jobs.check_soon(tx, uuid=video.uuid, seconds=polling.check_seconds)
    return Verdict.NO_ANSWER


def _expire(video: Video, database: Database) -> Verdict:
    return _fail(video, FailureCode.TIMED_OUT, f"{video.status} for too long", database)


def _fail(
    video: Video,
    code: FailureCode,
    detail: str,
    database: Database,
    *,
    task_id: str = "",
    cost: ProviderCost | None = None,
) -> Verdict:
    states = BEFORE_THE_FILE if video.status in BEFORE_THE_FILE else (video.status,)
    code = failure_of(video, code)
    with database.transaction() as tx:
        failed = finish_video.fail(tx, video_uuid=video.uuid, code=code, detail=detail, from_states=states)
        provider_costs.note(tx, uuid=video.uuid, task_id=task_id, cost=cost)
    if failed.first() is None:
        return Verdict.MOVED
    logger.warning("video failed", video_uuid=video.uuid, reason=code.value, detail=quote(detail))
    count_failed(code)
    return Verdict.FAILED


def _note_late_success(video: Video, task_id: str, report: TaskReport | None, database: Database) -> Verdict:
    if report is None or report.video_url is None:
        return Verdict.ALREADY_FAILED
    noted = database.run(videos.note_late_success, uuid=video.uuid, task_id=task_id, source_url=report.video_url)
    if noted.first() is None:
        return Verdict.ALREADY_FAILED
    count("LateSuccesses")
    return Verdict.LATE_SUCCESS
