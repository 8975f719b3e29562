"""Rules of the queues: Lambda's and SQS's documentation say why each number is what it is."""

from __future__ import annotations

from tests.contract.rules.deployed import REQUIRED, Deployed, Resources, of_type, resolved

SIX_TIMES = 6
LONGEST_MIRROR_SECONDS = 300
FOURTEEN_DAYS = 14 * 24 * 3600


def _sources(resources: Resources) -> list[tuple[str, dict]]:
    return list(of_type(resources, "AWS::Lambda::EventSourceMapping"))


def _live_queues(resources: Resources) -> dict[str, dict]:
    return {name: queue for name, queue in of_type(resources, "AWS::SQS::Queue") if "RedrivePolicy" in queue}


def message_stays_hidden_for_six_timeouts(deployed: Deployed) -> list[str]:
    """Whatever MirrorTimeout is."""
    faults = []
    for timeout in deployed.raw["Parameters"]["MirrorTimeout"]["AllowedValues"]:
        made = resolved(deployed.raw, REQUIRED | {"MirrorTimeout": timeout})
        for name, source in _sources(made):
            queue = source["EventSourceArn"].removesuffix(".Arn")
            longest = int(made[source["FunctionName"].removesuffix("Aliaslive")]["Properties"]["Timeout"])
            if int(made[queue]["Properties"].get("VisibilityTimeout", 30)) < SIX_TIMES * longest:
                faults.append(f"{queue} shows a message again before {name} had six times {longest} s")
    return faults


def mirror_ends_within_five_minutes(deployed: Deployed) -> list[str]:
    allowed = deployed.raw["Parameters"]["MirrorTimeout"]["AllowedValues"]
    return [f"MirrorTimeout allows {given}" for given in allowed if int(given) > LONGEST_MIRROR_SECONDS]


def message_is_tried_five_times_at_least(deployed: Deployed) -> list[str]:
    return [
        f"{name} gives up after {queue['RedrivePolicy']['maxReceiveCount']}"
        for name, queue in _live_queues(deployed.bare).items()
        if int(queue["RedrivePolicy"]["maxReceiveCount"]) < 5
    ]


def dead_letters_are_kept_for_14_days(deployed: Deployed) -> list[str]:
    made = deployed.bare
    dead = {queue["RedrivePolicy"]["deadLetterTargetArn"].removesuffix(".Arn") for queue in _live_queues(made).values()}
    if not dead:
        return ["there are no dead letters"]
    return [
        f"{name} is kept for less than 14 days"
        for name in dead
        if made[name]["Properties"].get("MessageRetentionPeriod") != FOURTEEN_DAYS
    ]


def every_queue_has_its_dead_letters(deployed: Deployed) -> list[str]:
    live = _live_queues(deployed.bare)
    return [
        f"{source['EventSourceArn']} has no dead letters"
        for _, source in _sources(deployed.bare)
        if source["EventSourceArn"].removesuffix(".Arn") not in live
    ]


def queues_have_names_of_their_own_making(deployed: Deployed) -> list[str]:
    """SQS refuses a name for a minute after its queue was deleted, and CloudFormation can't replace a named queue."""
    queues = of_type(deployed.bare, "AWS::SQS::Queue")
    return [f"{name} is always named {queue['QueueName']}" for name, queue in queues if "QueueName" in queue]


def only_failed_messages_come_back(deployed: Deployed) -> list[str]:
    return [
        f"{name} brings back the whole batch"
        for name, source in _sources(deployed.bare)
        if source.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]
    ]


def messages_at_a_time_are_bounded(deployed: Deployed) -> list[str]:
    return [
        f"{name} has no MaximumConcurrency of 2 to 1,000"
        for name, source in _sources(deployed.bare)
        if not 2 <= int(source.get("ScalingConfig", {}).get("MaximumConcurrency", 0)) <= 1000
    ]


def queues_are_encrypted(deployed: Deployed) -> list[str]:
    queues = of_type(deployed.bare, "AWS::SQS::Queue")
    return [f"{name} is not encrypted" for name, queue in queues if queue.get("SqsManagedSseEnabled") is not True]


def queues_refuse_what_is_not_tls(deployed: Deployed) -> list[str]:
    safe: set[str] = set()
    for _, policy in of_type(deployed.bare, "AWS::SQS::QueuePolicy"):
        for statement in policy["PolicyDocument"]["Statement"]:
            if (
                statement["Effect"] == "Deny"
                and statement["Principal"] == "*"
                and statement["Action"] == "sqs:*"
                and statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
            ):
                safe |= {arn.removesuffix(".Arn") for arn in statement["Resource"]} & set(policy["Queues"])
    return [f"{name} takes plain HTTP" for name, _ in of_type(deployed.bare, "AWS::SQS::Queue") if name not in safe]
