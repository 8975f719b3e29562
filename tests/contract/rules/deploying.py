"""Rules of how a new version comes to life: published, migrated first, shifted by degrees, and back."""

from __future__ import annotations

import copy
import re

from clipferry.aws.custom_resource import OLDEST_SECONDS
from local.sam_template.intrinsics import PSEUDO_PARAMETERS
from tests.contract.rules.deployed import EVERYTHING, REQUIRED, Deployed, functions, of_type, resolved

WITHOUT_TRAFFIC = {"HousekeepFunction", "MigrateFunction", "ReconcileFunction"}
"""Functions that run once a day, a deployment or a minute: a canary of five minutes would tell nothing."""
ALARMS = {
    "MirrorVideoFunction": {"MirrorVideoErrorsAlarm"},
    "DeliverWebhooksFunction": {"DeliverWebhooksErrorsAlarm"},
}
ALARMS_OF_HTTP = {"HttpFunctionErrorsAlarm", "ApiServerErrorsAlarm"}
LIVE = "Aliaslive"
CRON_OF_A_DAY = re.compile(r"cron\(\d+ \d+ \* \* \? \*\)")


def every_function_has_a_version_and_an_alias(deployed: Deployed) -> list[str]:
    aliases = {a["FunctionName"] for _, a in of_type(deployed.bare, "AWS::Lambda::Alias") if a["Name"] == "live"}
    return [f"{name} has no alias live" for name in functions(deployed.bare) if name not in aliases]


def everything_calls_the_alias(deployed: Deployed) -> list[str]:
    faults = []
    for kind in ("AWS::Lambda::Permission", "AWS::Lambda::EventSourceMapping"):
        for name, caller in of_type(deployed.bare, kind):
            if not caller["FunctionName"].endswith(LIVE):
                faults.append(f"{name} calls {caller['FunctionName']}")
    for name, rule in of_type(deployed.bare, "AWS::Events::Rule"):
        faults += [f"{name} calls {t['Arn']}" for t in rule["Targets"] if not t["Arn"].endswith(LIVE)]
    for name, api in of_type(deployed.bare, "AWS::ApiGatewayV2::Api"):
        called = set(re.findall(r"functions/(\w+)/invocations", str(api["Body"])))
        faults += [f"{name} calls {function}" for function in called if not function.endswith(LIVE)]
    return faults


def new_deployment_publishes_a_version(deployed: Deployed) -> list[str]:
    """Lambda publishes nothing of a function that hasn't changed, so both have to change."""
    before, after = deployed.full, resolved(deployed.raw, EVERYTHING | {"DeployId": "20261123T000000Z"})
    faults = [f"{name} doesn't change" for name, f in functions(after).items() if f == functions(before)[name]]
    versions = dict(of_type(before, "AWS::Lambda::Version"))
    return faults + [f"{n} doesn't change" for n, v in of_type(after, "AWS::Lambda::Version") if v == versions[n]]


def new_code_waits_for_the_migration(deployed: Deployed) -> list[str]:
    waiting = {name for name, r in deployed.bare.items() if "Migration" in str(r.get("DependsOn", ""))}
    return [f"{name} doesn't wait" for name in functions(deployed.bare) if name not in {*waiting, "MigrateFunction"}]


def migration_runs_on_every_deployment(deployed: Deployed) -> list[str]:
    migration = deployed.full.get("Migration")
    if migration is None or not migration["Properties"]["ServiceToken"].startswith("MigrateFunction"):
        return ["Migration is not run by MigrateFunction"]
    again = resolved(deployed.raw, EVERYTHING | {"DeployId": "20261123T000000Z"})["Migration"]
    by_hand = copy.deepcopy(migration["Properties"])
    faults = [] if again != migration else ["Migration is not asked again by a new DeployId"]
    if "MigrateFunctionVersion" not in str(by_hand.get("Version")):
        faults.append("Migration is not asked again by new code")
    return faults


def migration_cannot_hang_for_an_hour(deployed: Deployed) -> list[str]:
    properties = deployed.bare["Migration"]["Properties"]
    longest = functions(deployed.bare)["MigrateFunction"]["Timeout"]
    is_bounded = longest < int(properties.get("ServiceTimeout", 3600)) <= longest + 120
    return [] if is_bounded else ["Migration is waited for much longer than MigrateFunction runs, or not long enough"]


def _asynchronous_calls_of_migrate(deployed: Deployed) -> dict[str, int]:
    configured = {c["FunctionName"]: c for _, c in of_type(deployed.bare, "AWS::Lambda::EventInvokeConfig")}
    return configured.get("MigrateFunction", {})


def migration_is_not_tried_again_behind_an_answer(deployed: Deployed) -> list[str]:
    retries = _asynchronous_calls_of_migrate(deployed).get("MaximumRetryAttempts", 2)
    return [] if retries == 0 else ["MigrateFunction is run again when it fails"]


def migration_does_not_begin_when_cloudformation_has_given_up(deployed: Deployed) -> list[str]:
    """Nor so late that it would end then; the function itself refuses what is older still."""
    oldest = _asynchronous_calls_of_migrate(deployed).get("MaximumEventAgeInSeconds", 21_600)
    longest = functions(deployed.bare)["MigrateFunction"]["Timeout"]
    waits = int(deployed.bare["Migration"]["Properties"].get("ServiceTimeout", 3600))
    faults = [] if oldest + longest <= waits else [f"MigrateFunction may begin after {oldest} s"]
    return faults if oldest < OLDEST_SECONDS else [*faults, f"MigrateFunction refuses what Lambda keeps for {oldest} s"]


def versions_go_when_the_next_one_is_there(deployed: Deployed) -> list[str]:
    """SAM would keep each, and SnapStart bills the memory of every one that is kept."""
    made = {name: r for name, r in deployed.full.items() if r["Type"] == "AWS::Lambda::Version"}
    return [f"{name} stays for ever" for name, r in made.items() if r.get("DeletionPolicy") != "Delete"]


def daily_work_has_its_hour(deployed: Deployed) -> list[str]:
    """A rate would count from the deployment, in the middle of the day and each time from anew."""
    rules = dict(of_type(deployed.bare, "AWS::Events::Rule"))
    return [
        f"{name} is at {rule['ScheduleExpression']}"
        for name, rule in rules.items()
        if "day" in rule["ScheduleExpression"]
        or (name.startswith("Housekeep") and not CRON_OF_A_DAY.fullmatch(rule["ScheduleExpression"]))
    ]


def layers_are_named_by_their_stack(deployed: Deployed) -> list[str]:
    """Two stacks in one account and region would publish versions of one layer."""
    stack = PSEUDO_PARAMETERS["AWS::StackName"]
    layers = of_type(deployed.bare, "AWS::Lambda::LayerVersion")
    return [f"{name} is {layer.get('LayerName')}" for name, layer in layers if stack not in layer.get("LayerName", "")]


def traffic_shifts_by_degrees_and_back(deployed: Deployed) -> list[str]:
    made, faults = deployed.bare, []
    groups = dict(of_type(made, "AWS::CodeDeploy::DeploymentGroup"))
    for name in functions(made):
        if name in WITHOUT_TRAFFIC:
            continue
        group = groups.get(f"{name}DeploymentGroup", {})
        alarms = [alarm["Name"] for alarm in group.get("AlarmConfiguration", {}).get("Alarms", [])]
        wanted = ALARMS.get(name, ALARMS_OF_HTTP)
        if "Canary" not in str(group.get("DeploymentConfigName")):
            faults.append(f"{name} gets all its traffic at once")
        if not wanted <= set(alarms):
            faults.append(f"{name} isn't rolled back by {sorted(wanted - set(alarms))}")
        if "DEPLOYMENT_STOP_ON_ALARM" not in group.get("AutoRollbackConfiguration", {}).get("Events", []):
            faults.append(f"{name} isn't rolled back")
    return faults


def repair_can_be_deployed_while_an_alarm_is_on(deployed: Deployed) -> list[str]:
    made = resolved(deployed.raw, REQUIRED | {"Rollout": "all-at-once"})
    return [
        f"{name} asks alarms, or waits"
        for name, group in of_type(made, "AWS::CodeDeploy::DeploymentGroup")
        if group.get("AlarmConfiguration") or "AllAtOnce" not in str(group["DeploymentConfigName"])
    ]


def snapstart_is_off_by_default_and_of_versions(deployed: Deployed) -> list[str]:
    """And of the functions that somebody waits for: nobody waits for a start of the others."""
    off = {name: f.get("SnapStart", {}).get("ApplyOn", "None") for name, f in functions(deployed.bare).items()}
    on = {name: f.get("SnapStart", {}).get("ApplyOn", "None") for name, f in functions(deployed.full).items()}
    wanted = dict.fromkeys(on, "None") | dict.fromkeys(_behind_the_api(deployed), "PublishedVersions")
    faults = [f"{name} starts from {value}" for name, value in off.items() if value != "None"]
    return faults + [f"{name} starts from {value}" for name, value in on.items() if value != wanted[name]]


def concurrency_is_reserved_only_when_asked_for(deployed: Deployed) -> list[str]:
    """Only functions that run one at a time get it; a new account of ten executions has none to reserve."""
    single = {"ReconcileFunction", "HousekeepFunction", "MigrateFunction"}
    bare = {n for n, f in functions(deployed.bare).items() if "ReservedConcurrentExecutions" in f}
    full = {n for n, f in functions(deployed.full).items() if f.get("ReservedConcurrentExecutions") == 1}
    return [f"{name} reserves by default" for name in bare] + [
        f"{name} is not reserved as it should" for name in full ^ single
    ]


def http_functions_give_up_before_api_gateway_does(deployed: Deployed) -> list[str]:
    made = functions(deployed.bare)
    return [
        f"{name} runs for {made[name]['Timeout']} s" for name in _behind_the_api(deployed) if made[name]["Timeout"] > 29
    ]


def _behind_the_api(deployed: Deployed) -> set[str]:
    return {
        p["FunctionName"].removesuffix(LIVE)
        for _, p in of_type(deployed.bare, "AWS::Lambda::Permission")
        if p["Principal"] == "apigateway.amazonaws.com"
    }


def everything_runs_on_one_python_and_one_architecture(deployed: Deployed) -> list[str]:
    faults = []
    for architecture in deployed.raw["Parameters"]["Architecture"]["AllowedValues"]:
        made = resolved(deployed.raw, REQUIRED | {"Architecture": architecture})
        for name, function in functions(made).items():
            if function["Architectures"] != [architecture] or function["Runtime"] != "python3.13":
                faults.append(f"{name} runs on {function['Runtime']}, {function['Architectures']}")
        for name, layer in of_type(made, "AWS::Lambda::LayerVersion"):
            if layer["CompatibleArchitectures"] != [architecture] or layer["CompatibleRuntimes"] != ["python3.13"]:
                faults.append(f"{name} is for {layer['CompatibleArchitectures']}")
    return faults


def layers_are_what_each_function_needs(deployed: Deployed) -> list[str]:
    """The shared one first; PyAV for the mirror; the owner's models, when given, where the catalogue is read."""
    models = EVERYTHING["ModelsLayerArn"]
    faults = []
    for name, function in functions(deployed.full).items():
        own = {"MirrorVideoFunction": ["ThumbnailLayer"], "CreateVideoFunction": [models], "AccountFunction": [models]}
        layers = [re.sub(r"(Layer)[0-9a-f]{10}$", r"\1", layer) for layer in function["Layers"]]
        if layers != ["SharedLayer", *own.get(name, [])]:
            faults.append(f"{name} has {layers}")
        file = function["Environment"]["Variables"].get("MODELS_FILE")
        if (file == "/opt/models.toml") != (models in function["Layers"]):
            faults.append(f"{name} reads models from {file}")
    return faults
