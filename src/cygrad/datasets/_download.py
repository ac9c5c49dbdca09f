"""Downloads: verified before they are kept, whole or absent for every other process."""

import os
import sys
import tempfile
import urllib.request
from pathlib import Path

CHUNK = 1 << 20
TIMEOUT = 30  # seconds without a byte from a server


def cache_folder(name):
    """Where the downloads of a data set are kept: its folder in $XDG_CACHE_HOME/cygrad, else in ~/.cache/cygrad."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "cygrad" / name


def download(urls, target, verify, largest):
    """Downloads target from the first of the URLs whose file verify(path) accepts, by raising no ValueError.

    largest: bytes, whatever a server sends. Returns None, or what went wrong with each URL.
    """
    problems = []
    for url in urls:
        print(f"cygrad: downloading {url} to {target}", file=sys.stderr)
        target.parent.mkdir(parents=True, exist_ok=True)
        # A temporary file beside the target, then a rename: other processes see no file or a whole one.
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=target.name, suffix=".part", delete=False) as part:
            try:
                _fetch(url, part, largest)
                part.close()
                verify(Path(part.name))
                os.replace(part.name, target)
                return None
            except (OSError, ValueError) as error:
                problems.append(f"{url}: {str(error).replace(part.name, 'the download')}")
            finally:
                Path(part.name).unlink(missing_ok=True)
    return "; ".join(problems) or "no mirror"


def _fetch(url, file, largest):
    request = urllib.request.Request(url, headers={"User-Agent": "cygrad"})
    with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
        size = 0
        while chunk := response.read(CHUNK):
            size += len(chunk)
            if size > largest:
                raise ValueError(f"more than {largest} bytes came")
            file.write(chunk)


def not_found(name, files, problems):
    """The error of a data set that is neither on disk nor to be had."""
    root = os.environ.get("CYGRAD_DATA", "not set")
    return FileNotFoundError(
        f"{name} is neither in CYGRAD_DATA ({root}) nor in {cache_folder(name)}, and it could not be downloaded "
        f"({problems}). Put {files} into a folder and pass it as path, or set CYGRAD_DATA to a folder that has them "
        f"in its subfolder {name}"
    )
