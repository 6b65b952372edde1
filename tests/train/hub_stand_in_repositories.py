"""The repositories of the stand-in for huggingface_hub's client: folders of files by their hash."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import uuid
from collections.abc import Iterable
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import huggingface_hub
from filelock import FileLock
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, DatasetInfo, ModelInfo
from huggingface_hub.errors import Response
from huggingface_hub.hf_api import RepoFile, RepoFolder
from huggingface_hub.utils import hf_raise_for_status

http = sys.modules[Response.__module__.partition(".")[0]]  # httpx2, or httpx before
TOKEN, USER = "hf_" + "s3cret" * 6, "ada"


class Repositories:
    """Those methods of HfApi that are about repositories, and answers to all."""

    root: Path
    # By method: statuses to answer with, "offline" for none, None for the usual answer.
    failures: ClassVar[dict[str, list[Any]]] = {}
    calls: ClassVar[list[str]] = []
    fetched: ClassVar[list[str]] = []  # names of the files that were downloaded

    def _called(self, name: str) -> None:
        self.calls.append(name)
        for each in (name, "*"):
            if queue := self.failures.get(each):
                answer = queue.pop(0)
                if answer == "offline":
                    raise http.ConnectError("[Errno -2] Name or service not known")
                if isinstance(answer, BaseException):
                    raise answer
                if answer:
                    self._answer(answer, name)
        if huggingface_hub.get_token() != TOKEN:
            self._answer(401, name)

    def _answer(self, status: int, name: str, code: str = "") -> None:
        headers = {"X-Error-Code": code} if code else {}
        headers["X-Error-Message"] = f"{name} answered {status}"
        request = http.Request("GET", f"https://stand-in.test/api/{name}")
        hf_raise_for_status(http.Response(status, headers=headers, request=request))

    # Repositories -----------------------------------------------------------------------------

    def whoami(self, token: bool | str | None = None, *, cache: bool = False) -> dict:
        self._called("whoami")
        return {"name": USER, "type": "user"}

    def create_repo(
        self,
        repo_id: str,
        *,
        private: bool | None = None,
        repo_type: str | None = None,
        exist_ok: bool = False,
    ) -> str:
        self._called("create_repo")
        folder = self._place(repo_id, repo_type)
        if folder.exists() and not exist_ok:
            self._answer(409, "create_repo")
        if not folder.exists():
            (folder / "blobs").mkdir(parents=True)
            (folder / "private").write_text(json.dumps(bool(private)))
            self._save(folder, {})
        return f"https://stand-in.test/{repo_id}"

    def delete_repo(
        self, repo_id: str, *, repo_type: str | None = None, missing_ok: bool = False
    ) -> None:
        self._called("delete_repo")
        if not missing_ok or self._place(repo_id, repo_type).exists():
            shutil.rmtree(self._repository(repo_id, repo_type))

    def repo_info(self, repo_id: str, *, repo_type: str | None = None) -> ModelInfo | DatasetInfo:
        self._called("repo_info")
        folder = self._repository(repo_id, repo_type)
        kind = DatasetInfo if repo_type == "dataset" else ModelInfo
        private = json.loads((folder / "private").read_text())
        return kind(id=repo_id, sha=(folder / "head").read_text(), private=private)

    def list_repo_tree(
        self,
        repo_id: str,
        path_in_repo: str | None = None,
        *,
        recursive: bool = False,
        revision: str | None = None,
        repo_type: str | None = None,
    ) -> Iterable[RepoFile | RepoFolder]:
        self._called("list_repo_tree")
        folder = self._repository(repo_id, repo_type)
        files = self._files(folder, revision)
        inside = f"{path_in_repo}/" if path_in_repo else ""
        found = {name: blob for name, blob in files.items() if name.startswith(inside)}
        if inside and not found:
            self._answer(404, "list_repo_tree", "EntryNotFound")
        folders = {name.rpartition("/")[0] for name in found} - {"", path_in_repo}
        yield from (RepoFolder(path=each, oid="0" * 40) for each in sorted(folders))
        for name, blob in found.items():
            if recursive or "/" not in name.removeprefix(inside):
                size = (folder / "blobs" / blob).stat().st_size
                yield RepoFile(path=name, size=size, oid=blob)

    def create_commit(
        self,
        repo_id: str,
        operations: Iterable[CommitOperationAdd | CommitOperationDelete],
        *,
        commit_message: str,
        repo_type: str | None = None,
    ) -> None:
        self._called("create_commit")
        assert commit_message
        folder = self._repository(repo_id, repo_type)
        with FileLock(folder / "lock"):
            files = self._files(folder)
            for each in operations:
                if isinstance(each, CommitOperationDelete):
                    del files[each.path_in_repo]
                    continue
                with each.as_file() as file:
                    content = file.read()
                files[each.path_in_repo] = hashlib.sha1(content).hexdigest()
                (folder / "blobs" / files[each.path_in_repo]).write_bytes(content)
            self._save(folder, files)

    def snapshot_download(
        self,
        repo_id: str,
        *,
        repo_type: str | None = None,
        revision: str | None = None,
        local_dir: str | Path | None = None,
        allow_patterns: list[str] | str | None = None,
    ) -> str:
        self._called("snapshot_download")
        folder = self._repository(repo_id, repo_type)
        assert local_dir
        for name, blob in self._files(folder, revision).items():
            if allow_patterns is None or any(map(partial(fnmatch, name), allow_patterns)):
                self.fetched.append(name)
                target = Path(local_dir, name)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(folder / "blobs" / blob, target)
        (Path(local_dir) / ".cache" / "huggingface").mkdir(parents=True, exist_ok=True)
        return str(local_dir)

    def _place(self, repo_id: str, repo_type: str | None) -> Path:
        return self.root / f"{repo_type or 'model'}s" / repo_id

    def _repository(self, repo_id: str, repo_type: str | None) -> Path:
        if not (self._place(repo_id, repo_type) / "head").exists():
            self._answer(404, repo_id, "RepoNotFound")
        return self._place(repo_id, repo_type)

    def _files(self, folder: Path, revision: str | None = None) -> dict[str, str]:
        name = revision or (folder / "head").read_text()
        return json.loads((folder / f"{name}.json").read_text())

    def _save(self, folder: Path, files: dict[str, str]) -> None:
        name = uuid.uuid4().hex
        (folder / f"{name}.json").write_text(json.dumps(files))
        (folder / "new").write_text(name)
        os.replace(folder / "new", folder / "head")

    @classmethod
    def files(cls, repo_id: str, repo_type: str | None = None) -> dict[str, bytes]:
        """All files of a repository, for tests."""
        folder = cls.root / f"{repo_type or 'model'}s" / repo_id
        names = json.loads((folder / f"{(folder / 'head').read_text()}.json").read_text())
        return {name: (folder / "blobs" / blob).read_bytes() for name, blob in names.items()}
