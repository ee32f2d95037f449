import pytest

from auffusion.data.captions import LONGEST_CAPTION, caption_of, captions_of


@pytest.mark.parametrize(
    ("text", "caption"),
    [
        ("a café “go” said", "a café “go” said"),
        ("  rain\r\n falls\t", "rain falls"),
        ("x" * LONGEST_CAPTION, "x" * LONGEST_CAPTION),
        ("x" * (LONGEST_CAPTION + 1), ""),
        ("", ""),
        (" \n", ""),
        ("ra\x00in", ""),
        ("ra\x1bin", ""),
        ("ra\udc80in", ""),
        (None, ""),
        (7, ""),
        (["rain"], ""),
    ],
)
def test_a_caption_is_one_printable_line_of_sensible_length(text, caption):
    assert caption_of(text) == caption


def test_captions_keep_their_order_and_what_is_none_is_left_out():
    assert captions_of(["b", None, " a ", ""]) == ("b", "a")
