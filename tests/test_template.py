"""`ffmpeg_cmd`: what is accepted becomes arguments, what is not is refused by name, nothing reaches a shell."""

import subprocess
from pathlib import Path

import pytest

from app.capture.ffmpeg import PROTOCOLS, find_ffmpeg, picture_command, rtsp_command, rtsp_input
from app.capture.template import DEFAULTS, OUTPUT_OPTIONS, check_template, effective_template, parse_template
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
        "ffmpeg -i {uri} -c:v libx264 -vf scale=w=iw/2:h=-2:flags=lanczos,fps=30000/1001,transpose=dir=cclock {output}",
        "ffmpeg -i {uri} -c:v libx264 -vf scale=640x360:force_original_aspect_ratio=decrease {output}",
        "ffmpeg -i {uri} -c:v libx264 -vf 'scale=trunc(iw/2)*2:trunc(ih/2)*2' {output}",
        "ffmpeg -i {uri} -c:v libx264 -c copy -r 30000/1001 -b:v 2M -threads 4 -tune zerolatency {output}",
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
        # other programs, files and protocols
        ("bash -c ffmpeg -i {uri} {output}", "word ffmpeg"),
        ("ffmpeg.exe -i {uri} {output}", "word ffmpeg"),
        ("./ffmpeg -i {uri} {output}", "word ffmpeg"),
        ("FFREPORT=file=/tmp/x ffmpeg -i {uri} {output}", "word ffmpeg"),
        ("ffmpeg -i /etc/passwd {output}", "-i {uri}"),
        ("ffmpeg -i http://h/ {output}", "-i {uri}"),
        ("ffmpeg -i concat:{uri} {output}", "-i {uri}"),
        ("ffmpeg -f lavfi -i {uri} {output}", "'-f'"),
        ("ffmpeg -i {uri} -f tee [f=mpegts]udp://h:1 {output}", "'-f'"),
        ("ffmpeg -i {uri} -f rtsp rtsp://h/x {output}", "'-f'"),
        ("ffmpeg -i {uri} -c copy rtsp://h/x {output}", "'rtsp://…'"),
        ("ffmpeg -i {uri} -filter_script /etc/passwd {output}", "'-filter_script'"),
        ("ffmpeg -i {uri} -filter_complex_script /etc/passwd {output}", "'-filter_complex_script'"),
        ("ffmpeg -i {uri} -/filter_complex /etc/passwd {output}", "'-/filter_complex'"),
        ("ffmpeg -i {uri} -/vf /etc/passwd {output}", "'-/vf'"),
        ("ffmpeg -i {uri} -c:v libx264 -vf /etc/passwd {output}", "-vf cannot be"),
        ("ffmpeg -i {uri} -attach /etc/passwd {output}", "'-attach'"),
        ("ffmpeg -dump_attachment:t /tmp/x -i {uri} {output}", "'-dump_attachment:t'"),
        ("ffmpeg -i {uri} -pass 1 -passlogfile /tmp/x {output}", "'-pass'"),
        ("ffmpeg -report -i {uri} {output}", "'-report'"),
        ("ffmpeg -progress http://h/ -i {uri} {output}", "'-progress'"),
        ("ffmpeg -vstats_file /tmp/x -i {uri} {output}", "'-vstats_file'"),
        ("ffmpeg -i {uri} -sdp_file /tmp/x {output}", "'-sdp_file'"),
        ("ffmpeg -i {uri} -init_hw_device vaapi=v:/dev/dri/x {output}", "'-init_hw_device'"),
        ("ffmpeg -i {uri} -x264-params qpfile=/etc/passwd -c:v libx264 {output}", "'-x264-params'"),
        ("ffmpeg -i {uri} -x264opts stats=/tmp/x -c:v libx264 {output}", "'-x264opts'"),
        ("ffmpeg -i {uri} -metadata title=x {output}", "'-metadata'"),
        ("ffmpeg -i {uri} -map 0:d {output}", "'-map'"),
        ("ffmpeg -i {uri} -bsf:v trace_headers {output}", "'-bsf:v'"),
        ("ffmpeg -http_proxy http://h/ -i {uri} {output}", "'-http_proxy'"),
        ("ffmpeg -rtsp_flags listen -i {uri} {output}", "-rtsp_flags cannot be"),
        ("ffmpeg -i {uri} -c:v libx264 -vf subtitles=/etc/passwd {output}", "-vf cannot be"),
        ("ffmpeg -i {uri} -c:v libx264 -vf scale=10:10;movie=/etc/passwd {output}", "-vf cannot be"),
        ("ffmpeg -i {uri} -c:v libx264 -vf [in]scale=10:10[out] {output}", "-vf cannot be"),
        ("ffmpeg -i {uri} -c:v libx264 -vf scale@x=10:10 {output}", "-vf cannot be"),
        # smuggling
        ("ffmpeg -i {uri} {uri} {output}", "exactly once"),
        ("ffmpeg -i {uri} -- {output}", "'--'"),
        ("ffmpeg -i {uri} \u2013c copy {output}", "'\u2013c'"),
        ("ffmpeg -i {uri} \u2212an {output}", "'\u2212an'"),
        ("ffmpeg -i {uri} -c\u200b copy {output}", "-c"),
        ("ffmpeg -i {uri}\u2028-an {output}", "line break"),
        ("ffmpeg -i {uri}\u0085-an {output}", "line break"),
        ("ffmpeg -i {uri} -an\ud800 {output}", "control character"),
        ("ffmpeg -i {uri} '-c copy' {output}", "'-c copy'"),
        ("ffmpeg -i '{uri} -an' {output}", "-i {uri}"),
        ("ffmpeg -i {uri} -user_agent a {output}", "'-user_agent'"),
        ("ffmpeg -user_agent 'a\\r\\nX: y' -i {uri} {output}", "-user_agent cannot be"),
        ("ffmpeg -i {uri} -crf \u0663 -c:v libx264 {output}", "-crf cannot be"),
        ("ffmpeg -i {uri} -c:v libx264 -c:v copy {output}", "twice"),
        ("ffmpeg -i {uri} -vcodec libx264 -c:v copy {output}", "twice"),
        ("ffmpeg -i {uri} -an -an {output}", "twice"),
        # what ffmpeg would take at its word
        ("ffmpeg -i {uri} -c:v libx264 -vf fps=999999 {output}", "must be 0.01 to 240"),
        ("ffmpeg -i {uri} -c:v libx264 -vf fps=1/0 {output}", "must be 0.01 to 240"),
        ("ffmpeg -i {uri} -c:v libx264 -vf fps=5:start_time=-999999 {output}", "-vf cannot be"),
        ("ffmpeg -i {uri} -c:v libx264 -vf fps=source_fps*99 {output}", "-vf cannot be"),
        ("ffmpeg -i {uri} -c:v libx264 -vf scale=iw*99:ih*99 {output}", "-vf cannot be"),
        ("ffmpeg -i {uri} -c:v libx264 -vf scale=99999:99999 {output}", "-vf cannot be"),
        ("ffmpeg -i {uri} -c:v libx264 -vf scale=print(iw):random(0) {output}", "-vf cannot be"),
        ("ffmpeg -i {uri} -r 999999 -c:v libx264 {output}", "must be 0.01 to 240"),
        ("ffmpeg -i {uri} -r 1/0 -c:v libx264 {output}", "must be 0.01 to 240"),
        ("ffmpeg -i {uri} -s 99999x99999 -c:v libx264 {output}", "-s cannot be"),
        ("ffmpeg -i {uri} -threads 99 -c:v libx264 {output}", "must be 0 to 16"),
        ("ffmpeg -i {uri} -b:v 999999999M -c:v libx264 {output}", "must be 1000 to"),
        ("ffmpeg -i {uri} -bf 99 -c:v libx264 {output}", "must be 0 to 16"),
        ("ffmpeg -probesize 999999999 -i {uri} {output}", "must be 32 to"),
        ("ffmpeg -reorder_queue_size 999999999 -i {uri} {output}", "must be 0 to"),
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


def test_the_reason_repeats_no_password() -> None:
    address = "rtsp://admin:correct-horse@" + "x" * 80
    for text in (f"ffmpeg -i {{uri}} {address} {{output}}", f"ffmpeg -i {{uri}} -crf {address} {{output}}"):
        with pytest.raises(Invalid) as refused:
            check_template("Source", text)
        assert "correct-horse" not in refused.value.message


def test_the_codec_of_the_video_wins_over_the_codec_of_all_wherever_it_stands() -> None:
    for text in ("-c copy -c:v libx264", "-c:v libx264 -c copy"):
        template = parse_template("Source", f"ffmpeg -i {{uri}} {text} -vf fps=5 {{output}}")
        assert template.output_options[:4] == ("-c", "copy", "-c:v", "libx264")


def test_ffmpeg_itself_understands_every_option_of_the_allow_list(tmp_path: Path) -> None:
    """The file is what the list would make of a camera: no option may be one that ffmpeg then refuses."""
    words = [
        "-c copy -c:v libx264 -c:a aac -b:v 1M -b:a 64k -maxrate 1M -bufsize 2M -crf 23 -preset ultrafast",
        "-tune zerolatency -profile:v high -level 4.1 -g 25 -bf 0 -r 10 -s 64x48 -pix_fmt yuv420p -ar 44100 -ac 1",
        "-threads 1 -vf scale=trunc(iw/2)*2:-2:flags=lanczos:force_divisible_by=2,fps=10/1:round=near,transpose=clock",
    ]
    text = f"ffmpeg -i {{uri}} {' '.join(words)} {{output}}".replace("(", "'('").replace(")", "')'")
    options = parse_template("Source", text).output_options
    assert {*OUTPUT_OPTIONS} <= {*options}
    sources = ["-f", "lavfi", "-i", "testsrc=duration=1:rate=5", "-f", "lavfi", "-i", "sine=duration=1"]
    done = subprocess.run(
        [find_ffmpeg(), "-v", "error", *sources, *options, tmp_path / "out.mp4"], capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_an_encrypted_address_may_be_opened() -> None:
    """Regression: RTSP over TLS was accepted as an address and then refused to ffmpeg."""
    text = rtsp_input("rtsps://127.0.0.1:1/x", parse_template("Source", DEFAULTS["Source"]))
    command = [find_ffmpeg(), "-protocol_whitelist", PROTOCOLS, "-f", "concat", "-safe", "0", "-i", "pipe:0"]
    done = subprocess.run([*command, "-f", "null", "-"], input=text, capture_output=True, check=False, timeout=20)
    assert b"Connection refused" in done.stderr


HOSTILE = [
    "rtsp://u:'@h/'; file '/etc/passwd",
    "rtsp://u:p'\\''@h/",
    "rtsp://u:p@h/x%0afile%20/etc/passwd",
    "rtsp://u:p@h/#comment",
    "rtsp://u:p@h/\u2028file /etc/passwd",
    "rtsp://u:p@h/?tcp&option=x",
    "rtsp://u:{p}@h/{uri}",
]


@pytest.mark.parametrize("uri", HOSTILE)
def test_a_hostile_address_stays_one_word_of_ffconcat(uri: str) -> None:
    lines = rtsp_input(uri, parse_template("Source", DEFAULTS["Source"])).decode().split("\n")
    assert [line.partition(" ")[0] for line in lines] == ["ffconcat", "file", "option", "option", "option", ""]
    assert unquoted(lines[1].removeprefix("file ")) == uri


@pytest.mark.parametrize("character", ["\n", "\r", "\0", "\x0b"])
def test_an_address_with_a_control_character_never_reaches_ffmpeg(character: str) -> None:
    with pytest.raises(Invalid, match="control character"):
        rtsp_input(f"rtsp://u:p@h/{character}file '/etc/passwd'", parse_template("Source", DEFAULTS["Source"]))


def unquoted(text: str) -> str:
    """Take one word apart as ffmpeg's av_get_token does: quotes as in a shell, a backslash outside of them escapes."""
    found, is_quoted, rest = "", False, iter(text)
    for character in rest:
        if character == "'":
            is_quoted = not is_quoted
        elif character == "\\" and not is_quoted:
            found += next(rest)
        else:
            assert is_quoted, f"a bare {character!r} ends the word"
            found += character
    assert not is_quoted
    return found


def test_the_address_stands_in_the_text_for_standard_input_alone(tmp_path: Path) -> None:
    template = parse_template("Source", "ffmpeg -rtsp_transport tcp -buffer_size 100000 -i {uri} -c copy {output}")
    uri = "rtsp://user:it's\\%20secret@host/cam?a=b&c='d'"
    text = rtsp_input(uri, template).decode()
    assert text.startswith("ffconcat version 1.0\nfile 'rtsp://user:it'\\''s\\%20secret@host/cam?a=b&c='\\''d'\\'''\n")
    assert "option buffer_size '100000'\n" in text
    assert "option rtsp_transport 'tcp'\n" in text
    command = rtsp_command(TestingConfig(), tmp_path, RUN, template, "copy", 554)
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
    arguments = rtsp_command(TestingConfig(), tmp_path, RUN, parse_template("Source", text), audio, 554).arguments
    assert all(word in arguments for word in present)
    assert not any(word in arguments for word in absent)
    assert arguments.count("0:v:0") == 1


def test_pictures_keep_their_own_times(tmp_path: Path) -> None:
    template = parse_template("PictureSource", DEFAULTS["PictureSource"])
    arguments = picture_command(TestingConfig(), tmp_path, RUN, template).arguments
    assert arguments[arguments.index("-fps_mode") + 1] == "passthrough"
