"""The decode times that ffmpeg is told to give the first packets of an RTSP connection with B-frames.

`capture.ffmpeg` asks for them, `firsttimes` knows them again by their steps and puts the true ones in their place.
"""

VIDEO_CLOCK_HZ = 90_000  # of H.264 and H.265 in RTP (RFC 6184 §8.2.1, RFC 7798 §7.1), and of our video tracks
LEAD_TICKS = 2 * VIDEO_CLOCK_HZ  # the first packet's lies this much before the second packet's pts
STEP_TICKS = VIDEO_CLOCK_HZ // 8
STEPS = 4  # packets after the first; ffmpeg guesses as many as the stream reorders: at most 4, for a pyramid of 15
