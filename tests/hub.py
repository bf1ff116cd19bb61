"""A stand-in for the Hugging Face hub: an HTTP server that takes pushed files and gives them back.

It answers what `huggingface_hub` asks when it makes a repository, uploads (git files in the commit,
large ones by the LFS steps: batch, PUT, verify) and downloads.
"""

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hf_right"
LARGE = (".safetensors", ".png")  # what the hub's own .gitattributes keeps by LFS


@dataclass
class Repository:
    """What has arrived of one."""

    private: bool = False
    files: dict[str, bytes] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)


@dataclass
class Hub:
    """The server's state.

    Attributes:
        objects: large files by SHA-256; `verified`: those that the client said are complete.
        cards: those that the client had looked at before it sent them.
        asked: every request, as "METHOD path".
        closed: users whose repositories nobody else may write to.
    """

    url: str = ""
    large: tuple[str, ...] = LARGE
    repositories: dict[str, Repository] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    verified: set[str] = field(default_factory=set)
    cards: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    closed: tuple[str, ...] = ("somebody",)


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def give(self, status: int, body: object = None, **headers: str) -> None:
        """Answer with JSON, or with bytes as they are."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def asked(self) -> tuple[str, bytes]:
        """Return the path and what was sent."""
        path = urlsplit(self.path).path
        self.hub.asked.append(f"{self.command} {path}")
        return path, self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def known(self) -> bool:
        """Return whether the token is right; answer if it is not."""
        if self.headers.get("Authorization") == f"Bearer {TOKEN}":
            return True
        self.give(401, {"error": "Invalid username or password."})
        return False

    def do_POST(self) -> None:
        path, body = self.asked()
        if not self.known():
            return
        if path.endswith("/commit/main"):
            return self.commit(path.split("/", 3)[3].removesuffix("/commit/main"), body)
        said = json.loads(body)
        if path == "/api/repos/create":
            return self.create(said)
        if path == "/api/validate-yaml":
            self.hub.cards.append(said["content"])
            return self.give(200, {"errors": [], "warnings": []})
        if path.endswith("/preupload/main"):
            kinds = {True: "lfs", False: "regular"}
            files = [
                {
                    "path": one["path"],
                    "uploadMode": kinds[one["path"].endswith(self.hub.large)],
                    "shouldIgnore": False,
                }
                for one in said["files"]
            ]
            return self.give(200, {"files": files})
        if path.endswith(".git/info/lfs/objects/batch"):
            found = []
            for one in said["objects"]:
                steps = {
                    "upload": {"href": f"{self.hub.url}/lfs/{one['oid']}"},
                    "verify": {"href": f"{self.hub.url}/lfs-verify"},
                }
                found.append({"oid": one["oid"], "size": one["size"], "actions": steps})
            return self.give(200, {"transfer": "basic", "objects": found})
        if path == "/lfs-verify":
            whole = len(self.hub.objects.get(said["oid"], b"")) == said["size"]
            self.hub.verified |= {said["oid"]} if whole else set()
            return self.give(200 if whole else 400, {})
        return self.give(404)

    def create(self, said: dict) -> None:
        name = f"{said['organization']}/{said['name']}"
        url = {"url": f"{self.hub.url}/{name}", "name": name}
        if said["organization"] in self.hub.closed:
            return self.give(403, {"error": "You don't have the rights to create a model here."})
        if name in self.hub.repositories:
            return self.give(409, {"error": "You already created this model repo", **url})
        private = said.get("visibility") == "private"
        self.hub.repositories[name] = Repository(private)
        return self.give(200, url)

    def commit(self, name: str, body: bytes) -> None:
        repository = self.hub.repositories[name]
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "header":
                repository.messages.append(value["summary"])
            elif line["key"] == "file":
                repository.files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile" and value["oid"] in self.hub.verified:
                repository.files[value["path"]] = self.hub.objects[value["oid"]]
            else:
                return self.give(400, {"error": f"nobody sent {line}"})
        url = f"{self.hub.url}/{name}/commit/{COMMIT}"
        return self.give(200, {"success": True, "commitOid": COMMIT, "commitUrl": url})

    def do_PUT(self) -> None:
        path, body = self.asked()
        oid = path.removeprefix("/lfs/")
        right = hashlib.sha256(body).hexdigest() == oid
        self.hub.objects |= {oid: body} if right else {}
        self.give(200 if right else 400)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path, _ = self.asked()
        api = path.removeprefix("/api/models/")
        name = "/".join(api.strip("/").split("/")[:2])
        repository = self.hub.repositories.get(name)
        if repository is None:
            return self.give(404, {"error": "Repository not found"}, X_Error_Code="RepoNotFound")
        if repository.private and not self.known():
            return None
        if path != api and "/tree/" not in path:
            about = {"id": name, "sha": COMMIT, "private": repository.private, "siblings": []}
            return self.give(200, about)
        file = api.partition("/resolve/main/")[2] or api.partition(f"/resolve/{COMMIT}/")[2]
        content = repository.files.get(file)
        if content is None:
            return self.give(404, {"error": "Entry not found"}, X_Error_Code="EntryNotFound")
        tag = f'"{hashlib.sha256(content).hexdigest()}"'
        return self.give(200, content, ETag=tag, X_Repo_Commit=COMMIT)


@contextmanager
def serving(**fields: object) -> Iterator[Hub]:
    """Yield a hub that listens on this machine; its `url` is what HF_ENDPOINT takes."""
    hub = Hub(**fields)  # type: ignore[arg-type]
    handler = type("Bound", (Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
