"""Explain: what a pair means, and what to do. Law: any machine; it parses no text of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prgcore.lazily import lazily

if TYPE_CHECKING:
    from prgcore.explain.answer import Explanation, WhyNot
    from prgcore.explain.explaining import explain, explain_display, explain_pairs, why_not
    from prgcore.explain.health import healthiest
    from prgcore.explain.plan import Plan

__all__ = [
    "Explanation", "Plan", "WhyNot", "explain", "explain_display", "explain_pairs", "healthiest",
    "why_not",
]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__, {
        "answer": ("Explanation", "WhyNot"),
        "explaining": ("explain", "explain_display", "explain_pairs", "why_not"),
        "health": ("healthiest",),
        "plan": ("Plan",),
    })
