"""Another secret key than the one that addresses were stored with: one line, no traceback, nothing recorded is lost."""

from pathlib import Path

from tests.service import Service, free_port


def test_the_recorder_names_a_wrong_secret_key_in_one_line(tmp_path: Path) -> None:
    with Service(tmp_path, "web", "recorder") as service:
        source_id = service.add_source(f"rtsp://admin:secret@127.0.0.1:{free_port()}/cam")
        service.add_group("gate", [source_id])
        service.record("night", "gate")
        service.stop()
        (tmp_path / "secret_key").write_text("another key than before\n")
        begin = len(service.read_log())
        assert service.spawn("recorder").wait(20) == 2
        said = service.read_log()[begin:]
    assert "PLAYBACK_SECRET_KEY is not the one" in said
    assert "Traceback" not in said
    assert len(said.strip().splitlines()) == 1
