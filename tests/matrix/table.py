"""The matrix of edits, group by group."""

from __future__ import annotations

from tests.matrix.arguments import ARGUMENTS, SETTINGS
from tests.matrix.dockerfiles import INSTRUCTIONS, LAYOUT, SELECTED
from tests.matrix.elsewhere import ELSEWHERE
from tests.matrix.files import FILES, GIT
from tests.matrix.images import DEPENDENCIES, PLACES

#: what is edited -> the edits
GROUPS = {
    "Files": FILES,
    "What is copied and what is ignored": SELECTED,
    "Git": GIT,
    "How a Dockerfile is written": LAYOUT,
    "Instructions": INSTRUCTIONS,
    "Build arguments": ARGUMENTS,
    "Settings of an image": SETTINGS,
    "What an image is built from": DEPENDENCIES,
    "What ADD fetches": ELSEWHERE,
    "People and places": PLACES,
}
EDITS = tuple(edit for edits in GROUPS.values() for edit in edits)
