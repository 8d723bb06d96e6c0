"""Lines of Apache's combined log as documents, as the chapter keeps them."""

import re
from datetime import datetime, timezone

COMBINED = re.compile(
    r'(?P<host>\S+) (?P<logname>\S+) (?P<user>\S+) \[(?P<time>[^]]+)\] '
    r'"(?P<request>(?:[^"\\]|\\.)*)" (?P<status>\d{3}) (?P<size>\d+|-)'
    r'(?: "(?P<referer>(?:[^"\\]|\\.)*)" "(?P<user_agent>(?:[^"\\]|\\.)*)")?$')


def parse(line):
    """All that a line says; `None` if it is no line of such a log."""
    match = COMBINED.match(line.rstrip("\n"))
    if match is None:
        return None
    try:
        time = datetime.strptime(match["time"], "%d/%b/%Y:%H:%M:%S %z")
    except ValueError:
        return None
    return {
        "host": match["host"],
        "logname": given(match["logname"]),
        "user": given(match["user"]),
        "time": time.astimezone(timezone.utc).replace(tzinfo=None),
        "request": match["request"],
        "status": int(match["status"]),
        "response_size": int(match["size"]) if match["size"] != "-" else 0,
        "referer": given(match["referer"]),
        "user_agent": given(match["user_agent"]),
    }


def given(text):
    return None if text == "-" else text


def event(line):
    """What is crucial of a line: host, time, path, user agent and referer."""
    parsed = parse(line)
    if parsed is None:
        return None
    parts = parsed["request"].split(" ")
    return {
        "host": parsed["host"],
        "time": parsed["time"],
        "path": parts[1] if len(parts) > 1 else None,
        "referer": parsed["referer"],
        "user_agent": parsed["user_agent"],
    }
