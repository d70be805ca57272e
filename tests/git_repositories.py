"""Git repositories for tests, made by git itself, apart from the configuration of whoever runs them."""

import os
import subprocess
from pathlib import Path


class Repository:
    """One under a directory that tests throw away."""

    def __init__(self, path: Path, *arguments: str) -> None:
        self.path = path
        self.date = 1_600_000_000
        path.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch", "main", *arguments)

    def git(self, *arguments: str, given: str = "", check: bool = True, **environment: str) -> str:
        """Run git in it, as Ann, and give what it wrote."""
        done = subprocess.run(
            [
                "git",
                "-c",
                "user.name=Ann",
                "-c",
                "user.email=ann@example.org",
                "-c",
                "protocol.file.allow=always",
                *arguments,
            ],
            cwd=self.path,
            input=given,
            capture_output=True,
            text=True,
            check=False,
            env=isolated(self.path) | environment,
        )
        if check and done.returncode:
            raise AssertionError(f"git {arguments[0]}: {done.stderr}")
        return done.stdout.strip()

    def write(self, files: dict[str, str | bytes]) -> None:
        """Put files into the working tree."""
        for name, content in files.items():
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content if isinstance(content, bytes) else content.encode())

    def commit(self, files: dict[str, str | bytes | None] | None = None, message: str = "Change") -> str:
        """Write or (with None) remove files, commit, and give the id. A minute passes with each commit."""
        self.date += 60
        for name, content in (files or {}).items():
            if content is None:
                self.git("rm", "--quiet", name)
            else:
                self.write({name: content})
        self.git("add", "--all")
        when = f"{self.date} +0000"
        self.git(
            "commit",
            "--quiet",
            "--allow-empty",
            "--message",
            message,
            GIT_AUTHOR_DATE=when,
            GIT_COMMITTER_DATE=when,
        )
        return self.git("rev-parse", "HEAD")

    def id_of(self, what: str) -> str:
        """The id of an object, such as of "HEAD:file"."""
        return self.git("rev-parse", what)


def isolated(home: Path) -> dict[str, str]:
    """An environment in which nobody's configuration counts."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return kept | {"HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config"), "GIT_CONFIG_NOSYSTEM": "1"}
