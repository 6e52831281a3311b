"""Makes the world that Schemathesis asks about, and lets it ask.

    ask.py FILE CASES SEED

FILE is what `semantik serve --json` has printed. The stranger asks first: the
superuser may take away what is there.
"""

import json
import os
import subprocess
import sys
import urllib.request

PASSWORD = os.environ["SEMANTIK_ADMIN_PASSWORD"]

# Whoever asks must not shut themselves out in the middle of it: these end the
# session that asks.
ENDS_THE_RUN = ["/api/auth/logout", "/api/auth/password"]

# Not every rule can be said in a schema (a name that is taken, a date that must be
# later than another), and 422 with the reason is in the description; the other two
# take an answer of another asker's for one of their own when ids are given.
LEFT_OUT = ["positive_data_acceptance", "use_after_free", "ensure_resource_availability"]

UPLOAD = "POST /api/v2/collections/{collection_id}/documents"

# Their last part is the id of a chunk or a document to the methods that they do not
# have, and is refused as one.
BESIDE_IDS = [
    "GET /api/v2/chunking/collections/{collection_id}/chunks/export",
    "PATCH /api/v2/chunking/collections/{collection_id}/chunks/embeddings",
    "POST /api/v2/collections/{collection_id}/documents/retry-failed",
]


class World:
    def __init__(self, base):
        self.base = base

    def call(self, method, path, body=None, token=None, content_type="application/json"):
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, method=method, data=data)
        request.add_header("Content-Type", content_type)
        if token:
            request.add_header("Authorization", "Bearer " + token)
        with urllib.request.urlopen(request, timeout=30) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    def user(self, name):
        account = {"username": name, "email": name + "@example.com", "password": PASSWORD}
        return self.call("POST", "/api/auth/register", account)

    def token(self, name):
        return self.call("POST", "/api/auth/login", {"username": name, "password": PASSWORD})["access_token"]

    def upload(self, collection, token):
        boundary = "----semantik"
        body = (
            f"--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"walrus.txt\"\r\n\r\n"
            f"The walrus and the carpenter.\r\n--{boundary}--\r\n"
        ).encode()
        path = f"/api/v2/collections/{collection}/documents"
        return self.call("POST", path, body, token, f"multipart/form-data; boundary={boundary}")

    def furnish(self, name, token, friend):
        """Makes one of each thing that a path may name, and gives their ids."""
        collection = self.call("POST", "/api/v2/collections", {"name": name}, token)
        document = self.upload(collection["id"], token)
        grant = {"username": friend, "permission": "read"}
        sharing = self.call("POST", f"/api/v2/collections/{collection['id']}/permissions", grant, token)
        key = self.call("POST", "/api/v2/api-keys", {"name": name}, token)
        return {
            "collection_id": collection["id"],
            "document_id": document["documents"][0]["id"],
            "operation_id": document["operation_id"],
            "permission_id": sharing["id"],
            "source_id": self.call("GET", f"/api/v2/collections/{collection['id']}/sources", None, token)["items"][0]["id"],
            "key_id": key["id"],
            "chunk_id": 1,
        }


def configuration(parameters, doomed):
    """Known ids for every path; what deletes is given others, which may go."""
    lines = ["[checks]"] + [f"{check}.enabled = false" for check in LEFT_OUT]
    lines += ["", "[parameters]"] + [f"{name} = {json.dumps(value)}" for name, value in parameters.items()]
    lines += ["", "[[operations]]", 'include-method = "DELETE"', "[operations.parameters]"]
    lines += [f"{name} = {json.dumps(value)}" for name, value in doomed.items()]
    # In a form everything is text: a number in the place of one is no number.
    lines += ["", "[[operations]]", f"include-name = {json.dumps(UPLOAD)}", "checks.negative_data_rejection.enabled = false"]
    for name in BESIDE_IDS:
        lines += ["", "[[operations]]", f"include-name = {json.dumps(name)}", "checks.unsupported_method.enabled = false"]
    return "\n".join(lines) + "\n"


def ask(base, asker, token, cases, seed, config):
    name = f"schemathesis-{asker}.toml"
    with open(name, "w", encoding="utf-8") as file:
        file.write(config)
    command = [
        sys.executable, "-m", "schemathesis.cli", "--config-file", name, "run", base + "/openapi.json",
        "--header", "Authorization: Bearer " + token, "--max-examples", cases,
        "--request-timeout", "30", "--max-failures", "20", "--continue-on-failure", "--no-color", "--warnings", "off",
    ]  # fmt: skip
    if seed != "random":
        command += ["--seed", seed]
    for path in ENDS_THE_RUN:
        command += ["--exclude-path", path]
    print(f"schemathesis: as {asker}", flush=True)
    try:
        return subprocess.run(command, timeout=300, check=False).returncode
    except subprocess.TimeoutExpired:
        print(f"schemathesis: as {asker} it took longer than five minutes", file=sys.stderr)
        return 1


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        base = json.load(file)["url"]
    cases, seed = sys.argv[2:4]
    world = World(base)
    victim = world.user("victim")
    world.user("stranger")
    root, stranger = world.token("admin"), world.token("stranger")
    failed = 0
    for asker, token in (("stranger", stranger), ("admin", root)):
        kept = world.furnish(f"{asker}'s", token, "victim")
        doomed = world.furnish(f"{asker}'s, to be deleted", token, "victim")
        kept["user_id"] = doomed["user_id"] = victim["id"]
        failed |= ask(base, asker, token, cases, seed, configuration(kept, doomed))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
