"""`ffmpeg_cmd`: what is accepted becomes arguments, what is not is refused by name, nothing reaches a shell."""

from pathlib import Path

import pytest

from app.capture.ffmpeg import picture_command, rtsp_command, rtsp_input
from app.capture.template import DEFAULTS, check_template, effective_template, parse_template
from app.errors import Invalid
from instance.config import TestingConfig

RUN = "00000000-0000-0000-0000-000000000000"


@pytest.mark.parametrize("model", DEFAULTS)
def test_the_default_is_accepted_back(model: str) -> None:
    assert effective_template(model, None) == effective_template(model, "") == DEFAULTS[model]
    check_template(model, DEFAULTS[model])


@pytest.mark.parametrize(
    "text",
    [
        "ffmpeg -i {uri} {output}",
        "ffmpeg -rtsp_transport udp -i {uri} -c copy {output}",
        "ffmpeg -i {uri} -c:v libx264 -crf 28 -preset veryfast -g 50 -r 12.5 -s 640x360 -pix_fmt yuv420p -an {output}",
        "ffmpeg -i {uri} -vcodec libx265 -b:v 800k -acodec aac -b:a 64k {output}",
        "ffmpeg -i {uri} -c:v libx264 -vf 'scale=-2:360,fps=10,transpose=1' {output}",
    ],
)
def test_these_templates_are_accepted(text: str) -> None:
    check_template("Source", text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("vlc -i {uri} {output}", "word ffmpeg"),
        ("/usr/bin/ffmpeg -i {uri} {output}", "word ffmpeg"),
        ("ffmpeg {output}", "-i {uri}"),
        ("ffmpeg -i rtsp://other/ {output}", "-i {uri}"),
        ("ffmpeg -i {uri} -i {uri} {output}", "exactly once"),
        ("ffmpeg -i {uri} -i /etc/passwd {output}", "-i"),
        ("ffmpeg -i {uri} -c copy out.mp4", "{output}"),
        ("ffmpeg -i {uri} {output} {output}", "{output}"),
        ("ffmpeg -i {uri} -c copy /etc/cron.d/x {output}", "'/etc/cron.d/x'"),
        ("ffmpeg -y -i {uri} {output}", "'-y'"),
        ("ffmpeg -i {uri} -f null {output}", "'-f'"),
        ("ffmpeg -i {uri} -movflags faststart {output}", "'-movflags'"),
        ("ffmpeg -i {uri} -filter_complex movie=/etc/passwd {output}", "'-filter_complex'"),
        ("ffmpeg -i {uri} -vf movie=/etc/passwd {output}", "-vf cannot be"),
        ("ffmpeg -i {uri} -vf scale=10:10,drawtext=textfile=/etc/passwd {output}", "-vf cannot be"),
        ("ffmpeg -i {uri} -c:v h264_v4l2m2m {output}", "-c:v cannot be"),
        ("ffmpeg -i {uri} -vf scale=100:-2 -c copy {output}", "-vf needs an encoder"),
        ("ffmpeg -i {uri} -vf fps=5 -c:v copy {output}", "-vf needs an encoder"),
        ("ffmpeg -i {uri} -b:v lots {output}", "-b:v cannot be"),
        ("ffmpeg -protocol_whitelist file,http -i {uri} {output}", "'-protocol_whitelist'"),
        ("ffmpeg -rtsp_transport http -i {uri} {output}", "-rtsp_transport cannot be"),
        ("ffmpeg -i {uri} -crf {output}", "-crf cannot be|has no value|must end"),
        ("ffmpeg -i {uri} 'open {output}", "quotation mark"),
        ("ffmpeg -i {uri}\n-c copy {output}", "line break"),
        ("ffmpeg -i {uri}\0 {output}", "control character"),
        ("ffmpeg -i {uri} ; rm -rf / {output}", "';'"),
        ("ffmpeg -i {uri} $(id) {output}", r"\$\(id\)"),
        ("ffmpeg -i {uri} " + "-an " * 1000 + "{output}", "longer than"),
    ],
)
def test_these_templates_are_refused_with_the_reason(text: str, words: str) -> None:
    with pytest.raises(Invalid, match=words) as refused:
        check_template("Source", text)
    assert refused.value.detail[0]["loc"] == ["body", "ffmpeg_cmd"]


@pytest.mark.parametrize(
    "text", ["ffmpeg -r 5 -i {uri} {output}", "ffmpeg -i {uri} -c:v copy {output}", "ffmpeg -i {uri} -c copy {output}"]
)
def test_a_picture_source_takes_output_options_and_an_encoder_only(text: str) -> None:
    with pytest.raises(Invalid):
        check_template("PictureSource", text)


def test_the_address_stands_in_the_text_for_standard_input_alone(tmp_path: Path) -> None:
    template = parse_template("Source", "ffmpeg -rtsp_transport tcp -buffer_size 100000 -i {uri} -c copy {output}")
    uri = "rtsp://user:it's\\%20secret@host/cam?a=b&c='d'"
    text = rtsp_input(uri, template).decode()
    assert text.startswith("ffconcat version 1.0\nfile 'rtsp://user:it'\\''s\\%20secret@host/cam?a=b&c='\\''d'\\'''\n")
    assert "option buffer_size '100000'\n" in text
    assert "option rtsp_transport 'tcp'\n" in text
    command = rtsp_command(TestingConfig(), tmp_path, RUN, template, "copy")
    assert not any("secret" in word or "host" in word for word in command.arguments)
    assert command.arguments[-1] == str(tmp_path / f"{RUN}-%06d.mp4")


@pytest.mark.parametrize(
    ("audio", "text", "present", "absent"),
    [
        ("copy", "ffmpeg -i {uri} {output}", ["0:a:0?", "-c:a"], []),
        ("aac", "ffmpeg -i {uri} -c copy {output}", ["0:a:0?", "aac"], []),
        ("none", "ffmpeg -i {uri} -c copy {output}", [], ["0:a:0?", "aac"]),
        ("copy", "ffmpeg -i {uri} -an {output}", ["-an"], ["0:a:0?", "-c:a"]),
    ],
)
def test_audio_never_decides_over_the_video(
    tmp_path: Path, audio: str, text: str, present: list[str], absent: list[str]
) -> None:
    arguments = rtsp_command(TestingConfig(), tmp_path, RUN, parse_template("Source", text), audio).arguments
    assert all(word in arguments for word in present)
    assert not any(word in arguments for word in absent)
    assert arguments.count("0:v:0") == 1


def test_pictures_keep_their_own_times(tmp_path: Path) -> None:
    template = parse_template("PictureSource", DEFAULTS["PictureSource"])
    arguments = picture_command(TestingConfig(), tmp_path, RUN, template).arguments
    assert arguments[arguments.index("-fps_mode") + 1] == "passthrough"
