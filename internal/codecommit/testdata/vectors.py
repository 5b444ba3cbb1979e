"""Prints vectors.json: what AWS's own helpers answer to fake credentials at fixed times.

    pip install awscli git-remote-codecommit
    python3 testdata/vectors.py > testdata/vectors.json

With names of helpers as arguments only those are asked: python3 testdata/vectors.py aws-cli
"""

import contextlib
import datetime
import io
import json
import os
import sys
import types

PLAIN = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", None)
SESSION = ("ASIAIOSFODNN7EXAMPLE", "secret", "IQoJb3JpZ2luX2VjEXAMPLE/token+with/all==")

CASES = [
    # host, region, name, credentials, time, helpers
    ("git-codecommit.us-east-1.amazonaws.com", "us-east-1", "MyDemoRepo", PLAIN, "2026-03-14T15:09:26", "both"),
    ("git-codecommit.eu-west-1.amazonaws.com", "eu-west-1", "MyDemoRepo", SESSION, "2026-03-14T15:09:26", "both"),
    ("git-codecommit.eu-west-1.amazonaws.com", "eu-west-1", "a.b-c_d.-", SESSION, "2026-12-31T23:59:59", "both"),
    ("git-codecommit.eu-west-1.amazonaws.com", "eu-west-1", "x" * 100, SESSION, "2027-01-01T00:00:00", "both"),
    ("git-codecommit.ap-southeast-4.amazonaws.com", "ap-southeast-4", "R", PLAIN, "2028-02-29T00:00:00", "both"),
    ("git-codecommit-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1", "fips.settings", SESSION, "2026-01-02T03:04:05", "both"),
    ("vpce-0b47ea360adebf88a-jkl88hez.git-codecommit.us-east-1.vpce.amazonaws.com", "us-east-1", "MyDemoRepo", SESSION, "2026-01-02T03:04:05", "both"),
    ("vpce-0b47ea360adebf88a-jkl88hez-us-east-1a.git-codecommit-fips.us-east-1.vpce.amazonaws.com", "us-east-1", "R", PLAIN, "2026-01-02T03:04:05", "both"),
    ("git-codecommit.cn-north-1.amazonaws.com.cn", "cn-north-1", "MyDemoRepo", SESSION, "2026-10-10T10:10:10", "both"),
    # The AWS CLI signs for the host without its port, which git-remote-codecommit does not.
    ("127.0.0.1:8443", "eu-west-1", "MyDemoRepo", SESSION, "2026-10-10T10:10:10", "aws-cli"),
    ("codecommit.internal.example", "eu-west-1", "MyDemoRepo", SESSION, "2026-10-10T10:10:10", "both"),
]


def stopped(now):
    """The module datetime, at a time."""
    class Clock(datetime.datetime):
        @classmethod
        def utcnow(cls):
            return now

    return types.SimpleNamespace(datetime=Clock)


def aws_cli(host, region, name, keys, now):
    from awscli.customizations import codecommit
    from botocore.credentials import Credentials

    class Session:
        def get_credentials(self):
            return Credentials(*keys)

    codecommit.get_current_datetime = lambda: now  # in 1.45
    codecommit.datetime = stopped(now)  # in 2.9
    answer, stdin = io.StringIO(), sys.stdin
    sys.stdin = io.StringIO(f"protocol=https\nhost={host}\npath=v1/repos/{name}\n")
    with contextlib.redirect_stdout(answer):
        codecommit.CodeCommitGetCommand(Session())._run_main(
            types.SimpleNamespace(ignore_host_check=True), types.SimpleNamespace(region=region))
    sys.stdin = stdin
    got = dict(line.split("=", 1) for line in answer.getvalue().splitlines())
    return {"user": got["username"], "password": got["password"]}


def git_remote_codecommit(host, region, name, keys, now):
    import git_remote_codecommit as helper
    from botocore.credentials import Credentials

    helper.datetime = stopped(now)
    os.environ["CODE_COMMIT_ENDPOINT"] = host
    url = helper.git_url(name, "v1", region, Credentials(*keys))
    user, password = url[len("https://"):url.rindex("@")].split(":")
    return {"escaped_user": user, "password": password}


def main(only):
    vectors = []
    for host, region, name, keys, time, helpers in CASES:
        now = datetime.datetime.fromisoformat(time)
        for helper, ask in ("aws-cli", aws_cli), ("git-remote-codecommit", git_remote_codecommit):
            if helpers in ("both", helper) and (not only or helper in only):
                vectors.append({
                    "helper": helper, "host": host, "region": region, "name": name, "time": time + "Z",
                    "access_key_id": keys[0], "secret_access_key": keys[1], "session_token": keys[2] or "",
                    **ask(host, region, name, keys, now)})
    json.dump(vectors, sys.stdout, indent=1)
    print()


main(sys.argv[1:])
