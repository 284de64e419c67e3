"""Every error that Totes raises on purpose, as a tree that branches by what the caller does next.

    TotesError
    ├── ConfigurationError   fix a setting, a login, a file or a folder, then run again
    ├── ContractError        the source and its contract disagree: mend one of them
    ├── ConfirmationError    something looks like a mishap: a person has to say that it is right
    ├── ModelError           a star model does not do what its contract says: mend the data model
    ├── TransientError       something is away just now: try again
    │   └── TakenError       another run was faster: what it did will be found done
    ├── DamageError          a lake is not what its manifests say: stop, and look
    └── DemoError            the demo's embedded PostgreSQL will not do what was asked

A message says what is wrong and with which value; `hint` names what to do next, often a command.
Neither ever holds a password.
"""

from __future__ import annotations


class TotesError(Exception):
    """The root of the tree. `str(error)` is one line; `error.hint` is one line or None."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class ConfigurationError(TotesError):
    """A setting, a login, a file or a folder has to be mended before another run makes sense."""


class ContractError(TotesError):
    """A source table is not what its contract promises; the other tables are not concerned."""


class ConfirmationError(TotesError):
    """What a run found looks like a mishap; it is taken over once a person has confirmed it."""


class ModelError(TotesError):
    """A star model's SQL and its contract disagree."""


class TransientError(TotesError):
    """Something was away or busy; the same call may succeed later."""


class TakenError(TransientError):
    """Another run has committed the batch of this number; nothing of ours will ever be read."""


class DamageError(TotesError):
    """A lake object is missing, changed, or out of its chain. Nothing past it may be trusted."""


class DemoError(TotesError):
    """The embedded PostgreSQL of the demo cannot start, or runs already."""
