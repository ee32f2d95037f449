import pytest

from auffusion.data.licences import license_at


@pytest.mark.parametrize(
    ("url", "identifier"),
    [
        ("http://creativecommons.org/licenses/by/3.0/", "CC-BY-3.0"),
        ("https://creativecommons.org/licenses/by/4.0", "CC-BY-4.0"),
        ("https://www.creativecommons.org/licenses/BY-NC/3.0/", "CC-BY-NC-3.0"),
        ("http://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        ("http://creativecommons.org/licenses/sampling+/1.0/", "LicenseRef-CC-Sampling-Plus-1.0"),
        ("http://creativecommons.org/licenses/new/1.0/", "unknown"),
        ("https://example.org/creativecommons.org/licenses/by/3.0/", "unknown"),
        ("Not found", "unknown"),
        ("", "unknown"),
    ],
)
def test_a_creative_commons_address_gives_its_spdx_identifier(url, identifier):
    assert license_at(url) == identifier
