"""What others' facts make discovery do: nothing yet. Who may be hired depends on the creator and the policy alone."""

from __future__ import annotations

from libs.events.reactions import Reaction

REACTIONS: tuple[Reaction, ...] = ()
