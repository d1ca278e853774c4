"""The families that come with this project. Light."""

from __future__ import annotations

from labctl_cgt.operator import Subject

chiral = Subject(
    name="chiral",
    family="labctl_cgt.subjects.chiral:family",
    event="prediction",
    provides=("why_what", "hinges", "classes", "embeddings", "history"),
    seconds=0.03,
)
simsiam = Subject(
    name="simsiam",
    family="labctl_cgt.subjects.simsiam:family",
    event="representation",
    provides=("why_what", "embeddings", "history"),
    seconds=0.08,
)
