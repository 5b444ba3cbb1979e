"""Makes stacks in moto, in the accounts they are for, and prints as JSON what moto really made of them.

A stack is CREATE_COMPLETE in moto whatever it ignored, so every resource is asked for at its own service.
stdin: {CASE: [{"account", "stack", "template", "parameters"}, ...], ...}; each case is a world of its own
"""
import io, json, os, sys, zipfile

os.environ.update(AWS_ACCESS_KEY_ID="testing", AWS_SECRET_ACCESS_KEY="testing", AWS_DEFAULT_REGION="eu-west-1")
for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
    os.environ.pop(name, None)

import boto3
from moto import mock_aws


def clients(account):
    keys = boto3.client("sts").assume_role(RoleArn=f"arn:aws:iam::{account}:role/anybody", RoleSessionName="test")["Credentials"]
    session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], "eu-west-1")
    return session.client


def roles(iam):
    made = {}
    for role in iam.list_roles()["Roles"]:
        role = iam.get_role(RoleName=role["RoleName"])["Role"]
        policies = iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]
        made[role["RoleName"]] = {
            "trust": role["AssumeRolePolicyDocument"],
            "boundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", ""),
            "session": role["MaxSessionDuration"],
            "policies": {p: iam.get_role_policy(RoleName=role["RoleName"], PolicyName=p)["PolicyDocument"] for p in policies},
        }
    return made


def functions(client):
    made = {}
    for f in client.list_functions()["Functions"]:
        made[f["FunctionName"]] = {
            "runtime": f["Runtime"], "handler": f["Handler"], "timeout": f["Timeout"], "role": f["Role"],
            "variables": f["Environment"]["Variables"],
            "permissions": json.loads(client.get_policy(FunctionName=f["FunctionName"])["Policy"])["Statement"],
        }
    return made


def rules(events):
    made = {}
    for rule in events.list_rules()["Rules"]:
        targets = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
        made[rule["Name"]] = {
            "pattern": json.loads(rule.get("EventPattern", "null")), "schedule": rule.get("ScheduleExpression", ""),
            "targets": [{"arn": t["Arn"], "role": t.get("RoleArn", "")} for t in targets],
        }
    return made


def buckets(s3):
    made = {}
    for bucket in s3.list_buckets()["Buckets"]:
        name = bucket["Name"]
        if name != "zips":
            rules = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
            made[name] = rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"]
    return made


def read(client, stack):
    return {
        "outputs": {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])},
        "roles": roles(client("iam")),
        "functions": functions(client("lambda")),
        "logs": {g["logGroupName"]: g.get("retentionInDays", 0) for g in client("logs").describe_log_groups()["logGroups"]},
        "rules": rules(client("events")),
        "buckets": buckets(client("s3")),
        "queues": [url.rsplit("/", 1)[1] for url in client("sqs").list_queues().get("QueueUrls", [])],
        "mails": [s["Endpoint"] for s in client("sns").list_subscriptions()["Subscriptions"]],
    }


def make(wanted, archive):
    client = clients(wanted["account"])
    if wanted["stack"] == "cloudops":
        client("s3").create_bucket(Bucket="zips", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        client("s3").put_object(Bucket="zips", Key="v1/trigger.zip", Body=archive)
    cloudformation = client("cloudformation")
    cloudformation.create_stack(
        StackName=wanted["stack"], TemplateBody=wanted["template"], Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in wanted["parameters"].items()])
    stack = cloudformation.describe_stacks(StackName=wanted["stack"])["Stacks"][0]
    if stack["StackStatus"] != "CREATE_COMPLETE":
        sys.exit(f"{wanted['stack']} is {stack['StackStatus']}")
    return read(client, stack)


def main():
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as z:
        z.writestr("bootstrap", "no program")
    result = {}
    for case, orders in json.load(sys.stdin).items():
        with mock_aws():  # a world of its own
            result[case] = {wanted["stack"]: make(wanted, archive.getvalue()) for wanted in orders}
    json.dump(result, sys.stdout)


main()
