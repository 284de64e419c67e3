"""HTML of elements: what is not an element is text, and text is escaped, without being asked."""

from __future__ import annotations

from html import escape

from totes.terminal.basics import printable

EMPTY = {"meta"}  # elements that have no content, and no end


class Markup(str):
    """Text that is HTML already. Only what this module makes is."""

    __slots__ = ()


def element(tag: str, *content: str, **attributes: str) -> Markup:
    """An element; `class_` is the attribute `class`, `http_equiv` is `http-equiv`."""
    named = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{_text(value)}"'
        for name, value in attributes.items()
    )
    if tag in EMPTY:
        return Markup(f"<{tag}{named}>")
    return Markup(f"<{tag}{named}>{joined(*content)}</{tag}>")


def joined(*content: str) -> Markup:
    """Elements and text, one after the other."""
    return Markup("".join(c if isinstance(c, Markup) else _text(c) for c in content))


def style(css: str) -> Markup:
    """A style sheet of our own, in which nothing is escaped."""
    return Markup(f"<style>\n{css}</style>")


def _text(value: str) -> str:
    return escape(printable(value))
