from auffusion.data.attribution import UNNAMED, write_attribution

CC = "https://creativecommons.org"


def test_the_list_groups_clips_and_leads_to_each_licence(tmp_path, clip):
    package = {"package": "tiny-sounds", "version": "1.0-1"}
    shared = {
        "license": "CC-BY-SA-3.0",
        "license_url": f"{CC}/licenses/by-sa/3.0/",
        "author": "2001, The\tTeam",
        **package,
    }
    clips = [
        clip(source="tiny-sounds/rain.ogg", start_s=0.0, **shared),
        clip(source="tiny-sounds/rain.ogg", start_s=20.0, **shared),
        clip(source="tiny-sounds/a.ogg", **shared),
        clip(
            source="tiny-sounds/x/wav/bark.wav",
            license_url=f"{CC}/publicdomain/zero/1.0/",
            author="Ann",
            **package,
        ),
        clip(dataset="clotho", source="wind.wav", license="CC-BY-3.0"),
    ]
    write_attribution(clips, tmp_path / "ATTRIBUTION.tsv")
    lines = (tmp_path / "ATTRIBUTION.tsv").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        f"clotho\t\tCC-BY-3.0\t\t{UNNAMED}",
        "\twind.wav",
        f"tiny-sounds\t1.0-1\tCC-BY-SA-3.0\t{CC}/licenses/by-sa/3.0/\t2001, The Team",
        "\train.ogg\t0,20",
        "\ta.ogg",
        f"tiny-sounds\t1.0-1\tCC0-1.0\t{CC}/publicdomain/zero/1.0/\tAnn",
        "\tx/wav/bark.wav",
    ]
