"""Faults of one camera. What it sends while it can be understood is recorded, up to the moment it fails."""

from typing import Any, ClassVar

from torture.faults import FRAGMENT_S, RECONNECT_S, Fault

# The camera goes on with its timeline meanwhile: where it is back in the middle of a group, its rest is of no use.
AWAY = frozenset({"silent", "stream_ended", "camera_unreachable", "starting"})
BROKEN = AWAY | {"no_video", "no_key_frame", "clock_jump", "stream_broken"}


class CameraFault(Fault):
    """A fault that the test camera does by itself while it is switched on."""

    is_of_one_camera = True
    is_outage = True
    hole_s = RECONNECT_S
    causes = AWAY
    limit = "its length + reconnect ≤ 2 s"
    switched: ClassVar[dict[str, Any]] = {}

    def inject(self) -> None:
        """Switch it on."""
        self.rig.server.change(self.camera.name, **self.switched)

    def undo(self) -> None:
        """Switch it off."""
        self.rig.server.heal(self.camera.name)


class Stall(CameraFault):
    """Sends nothing for a while and goes on: shorter than what ends a connection."""

    name = "camera stalls, short"
    lasts_s = (2.0, 6.0)
    short_s = 2.0
    limit = "its length"
    switched: ClassVar = {"stall_after_s": 0.0}


class LongStall(Stall):
    """Sends nothing for so long that it is connected to anew."""

    name = "camera stalls, long"
    lasts_s = (11.0, 16.0)
    short_s = 11.0
    limit = "its length + reconnect ≤ 2 s"


class HangUp(CameraFault):
    """Ends the connection; the next one is taken at once."""

    name = "camera hangs up"
    limit = "reconnect ≤ 2 s"

    def inject(self) -> None:
        """Cut it."""
        self.rig.server.cut(self.camera.name)

    def undo(self) -> None:
        """Do nothing: the port is open."""


class Unreachable(CameraFault):
    """All cameras lose their power; they come back at the same address."""

    name = "cameras without power"
    is_of_one_camera = False
    lasts_s = (2.0, 8.0)
    short_s = 2.0

    def inject(self) -> None:
        """Close the port."""
        self.rig.server.offline()

    def undo(self) -> None:
        """Open it."""
        self.rig.server.online()


class Hanging(CameraFault):
    """Ends the connection, takes the next one and does not answer in it."""

    name = "camera hangs up, then does not answer"
    lasts_s = (2.0, 6.0)
    short_s = 1.5
    switched: ClassVar = {"is_hanging": True}
    # ffmpeg waits for an answer that never comes: its three tries of 2.5 s, then the pause.
    hole_s = 8.5 + RECONNECT_S
    # Where it wakes up within a connection, it answers to the second request and not to the first.
    causes = AWAY | {"no_video"}
    limit = "its length + ffmpeg's wait of 8.3 s + reconnect ≤ 2 s"

    def inject(self) -> None:
        """Switch it on and cut the connection."""
        super().inject()
        self.rig.server.cut(self.camera.name)


class Resize(CameraFault):
    """Changes the size of its pictures within the connection: new parameter sets before a key frame, nothing else."""

    name = "camera changes resolution, connected"
    is_outage = False
    limit = "reconnect ≤ 2 s"
    causes = AWAY | {"clock_jump"}

    def inject(self) -> None:
        """Change it."""
        self.camera.resize(is_switch=True)

    def undo(self) -> None:
        """Leave it: that is its size from now on."""


class ResizeAnew(Resize):
    """Changes the size of its pictures as most cameras do: it hangs up and announces the new one."""

    name = "camera changes resolution, reconnected"

    def inject(self) -> None:
        """Change it and hang up."""
        self.camera.resize(is_switch=False)
        self.rig.server.cut(self.camera.name)


class Garbage(CameraFault):
    """Sends random bytes in place of its pictures and sound, in good packets."""

    name = "camera sends garbage"
    lasts_s = (1.0, 4.0)
    short_s = 1.0
    lost_s = FRAGMENT_S
    hole_s = FRAGMENT_S + RECONNECT_S
    causes = BROKEN
    limit = "its length + one fragment + reconnect ≤ 2 s"
    switched: ClassVar = {"is_garbage": True}


class Noise(Garbage):
    """Sends random bytes in place of packets: nothing in the connection can be told apart any more."""

    name = "camera sends noise"
    # What looks like the head of a packet makes ffmpeg swallow up to 64 KiB of what comes after the noise.
    lost_s = FRAGMENT_S + 2.5
    hole_s = FRAGMENT_S + 2.5 + RECONNECT_S
    limit = "its length + 64 KiB + one fragment + reconnect ≤ 2 s"
    switched: ClassVar = {"is_noise": True}


CAMERA_FAULTS: tuple[type[Fault], ...] = (
    Stall,
    LongStall,
    HangUp,
    Unreachable,
    Hanging,
    Resize,
    ResizeAnew,
    Garbage,
    Noise,
)
