"""A bucket's clients, and how long they wait for a storage that does not answer."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from obstore.store import S3Store

from totes.config import ClientOptions

if TYPE_CHECKING:
    from obstore.store import RetryConfig, S3Config

ANSWER = 10.0  # seconds in which storage must answer, or send the next bytes
SLOWEST = 500_000  # bytes a second at which an upload is taken to be alive

# For a dropped connection or a 503. What lasts longer is for whoever called us to try again:
# obstore's own three minutes would be spent in silence.
RETRIES: RetryConfig = {"max_retries": 4, "retry_timeout": timedelta(seconds=8)}

# A bucket with Object Lock takes no object without one; the others check it, too.
CHECKED: S3Config = {"checksum_algorithm": "SHA256"}


class Bucket:
    """The bucket, or the part of one, under an s3:// URL."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._clients: dict[float, S3Store] = {}

    def client(self, upload: int = 0) -> S3Store:
        """A client that is patient enough to upload so many bytes.

        While an upload is sent nothing is received, so that it must be answered within one time,
        which grows by its size: by doubling, so that there are few clients.
        """
        answer = ANSWER
        while upload > SLOWEST * answer:
            answer *= 2
        if answer not in self._clients:
            patience = {"read_timeout": f"{answer * 1000:.0f}ms"}
            options: Any = patience | ClientOptions().model_dump(exclude_none=True)
            self._clients[answer] = S3Store.from_url(
                self._url, config=CHECKED, client_options=options, retry_config=RETRIES
            )
        return self._clients[answer]
