"""One deal from beginning to end, through the gateway: what `limelight demo` tells and what the end-to-end tests check."""

from cli.story.api import Api, Refused
from cli.story.deal import Deal
from cli.story.narrator import Narrator, Silent
from cli.story.plot import play
from cli.story.telling import tell

__all__ = ["Api", "Deal", "Narrator", "Refused", "Silent", "play", "tell"]
