"""Rules of what a function may do, of secrets, and of what is allowed out and in."""

from __future__ import annotations

import json

from clipferry.settings import Settings
from tests.contract.rules.deployed import SECRET, Deployed, as_list, functions, of_type, statements

SECRETS = {name.upper() for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)}

ONLY_WILDCARD = {
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
}
"""Actions for which AWS knows no resource that could be named beforehand."""

ENVIRONMENT_BYTES = 4096
"""A function's variables, names and values."""


def resources_of_permissions_are_named(deployed: Deployed) -> list[str]:
    return [
        f"{name} allows {statement['Action']} on everything"
        for name, statement in statements(deployed.full)
        if any(str(resource).endswith("*") for resource in as_list(statement["Resource"]))
        and not set(as_list(statement["Action"])) <= ONLY_WILDCARD
    ]


def actions_of_permissions_are_named(deployed: Deployed) -> list[str]:
    return [
        f"{name} allows {action}"
        for name, statement in statements(deployed.full)
        for action in as_list(statement["Action"])
        if "*" in action
    ]


def every_function_has_a_role_of_its_own(deployed: Deployed) -> list[str]:
    roles = [function["Role"] for function in functions(deployed.bare).values()]
    return [f"{name} shares {f['Role']}" for name, f in functions(deployed.bare).items() if roles.count(f["Role"]) > 1]


def roles_are_for_lambda_and_hold_no_policy_of_aws(deployed: Deployed) -> list[str]:
    """AWS's own policies for Lambda allow logs everywhere. CodeDeploy's role is SAM's."""
    faults = []
    own = {function["Role"].removesuffix(".Arn") for function in functions(deployed.full).values()}
    for name, role in of_type(deployed.full, "AWS::IAM::Role"):
        if name not in own:
            continue
        trusted = [s["Principal"] for s in role["AssumeRolePolicyDocument"]["Statement"]]
        if trusted != [{"Service": "lambda.amazonaws.com"}]:
            faults.append(f"{name} trusts {trusted}")
        if role.get("ManagedPolicyArns") != ["FunctionPolicy"]:
            faults.append(f"{name} has other policies than ours")
    return faults


def whose_code_sends_to_a_queue_may_do_so_and_nobody_else(
    deployed: Deployed, senders: dict[str, set[str]]
) -> list[str]:
    """`senders` are the functions whose code does, by queue."""
    may = {
        (name, resource)
        for name, s in statements(deployed.bare)
        if "sqs:SendMessage" in as_list(s["Action"])
        for resource in as_list(s["Resource"])
    }
    should = {
        (f"{name.removesuffix('Function')}Role", f"{queue}.Arn") for queue, names in senders.items() for name in names
    }
    return [f"{role} may send to {queue}, and doesn't, or the other way round" for role, queue in sorted(may ^ should)]


def each_queue_has_the_one_that_takes_its_messages(deployed: Deployed) -> list[str]:
    taking = {"sqs:ReceiveMessage", "sqs:DeleteMessage"}
    takers = {(name, s["Resource"]) for name, s in statements(deployed.bare) if taking & set(as_list(s["Action"]))}
    should = {("MirrorVideoRole", "MirrorQueue.Arn"), ("DeliverWebhooksRole", "WebhookQueue.Arn")}
    return [f"{name} takes messages of {queue}, or should" for name, queue in sorted(takers ^ should)]


def secret_is_read_by_its_whole_arn(deployed: Deployed) -> list[str]:
    reads = [(n, s) for n, s in statements(deployed.full) if "secretsmanager:GetSecretValue" in as_list(s["Action"])]
    if not reads:
        return ["nobody may read the secret"]
    return [f"{name} may read {s['Resource']}" for name, s in reads if s["Resource"] != SECRET]


def decrypting_needs_a_key_that_was_given(deployed: Deployed) -> list[str]:
    kms = [name for name, s in statements(deployed.bare) if "kms:Decrypt" in as_list(s["Action"])]
    given = [s for _, s in statements(deployed.full) if "kms:Decrypt" in as_list(s["Action"])]
    faults = [f"{name} may decrypt, without a key" for name in kms]
    if [s["Resource"] for s in given] != ["arn:aws:kms:us-east-1:123456789012:key/1"] or "Condition" not in given[0]:
        faults.append("SecretsKmsKeyArn isn't the one key that may be used, for this secret alone")
    return faults


def no_secret_is_in_the_template(deployed: Deployed) -> list[str]:
    """Neither as a value, nor as a reference that CloudFormation would replace by one, nor as a parameter."""
    faults = [f"{name} has a dynamic reference" for name, r in deployed.raw["Resources"].items() if _resolves(r)]
    for name, function in functions(deployed.full).items():
        variables = function["Environment"]["Variables"]
        faults += [f"{name}: {variable} has a value" for variable in SECRETS if variables.get(variable)]
        if variables.get("SECRETS_ARN") != SECRET:
            faults.append(f"{name} doesn't know where its secret is")
    parameters = {name.upper() for name in deployed.raw["Parameters"]}
    faults += [f"{name} is a parameter" for name in SECRETS if name.replace("_", "") in parameters]
    return faults


def _resolves(resource: dict) -> bool:
    return "{{resolve:" in json.dumps(resource)


def environment_fits(deployed: Deployed) -> list[str]:
    """Variables take at most three quarters of what Lambda allows, so that an owner can add some."""
    return [
        f"{name} has {size} bytes of variables"
        for name, function in functions(deployed.full).items()
        if (size := sum(len(f"{k}{v}") for k, v in function["Environment"]["Variables"].items()))
        > ENVIRONMENT_BYTES * 3 // 4
    ]


def alarms_are_told_over_tls_and_by_this_account_alone(deployed: Deployed) -> list[str]:
    faults = []
    for name, policy in of_type(deployed.bare, "AWS::SNS::TopicPolicy"):
        found = policy["PolicyDocument"]["Statement"]
        denied = [s for s in found if s["Effect"] == "Deny"]
        allowed = [s for s in found if s["Effect"] == "Allow"]
        if [s.get("Condition") for s in denied] != [{"Bool": {"aws:SecureTransport": "false"}}]:
            faults.append(f"{name} takes plain HTTP")
        if any("aws:SourceAccount" not in s.get("Condition", {}).get("StringEquals", {}) for s in allowed):
            faults.append(f"{name} lets any account's alarms in")
    return faults or ([] if list(of_type(deployed.bare, "AWS::SNS::TopicPolicy")) else ["the topic has no policy"])


def there_is_no_vpc_and_no_nat_by_default(deployed: Deployed) -> list[str]:
    faults = [f"{name} is in a VPC" for name, function in functions(deployed.bare).items() if "VpcConfig" in function]
    faults += [f"{name} is a {r['Type']}" for name, r in deployed.full.items() if "::NatGateway" in r["Type"]]
    expected = {
        "SubnetIds": ["subnet-0a", "subnet-0b"],
        "SecurityGroupIds": ["sg-0a"],
        "Ipv6AllowedForDualStack": "true",
    }
    faults += [
        f"{n} isn't in the VPC, with IPv6"
        for n, f in functions(deployed.full).items()
        if f.get("VpcConfig") != expected
    ]
    return faults
