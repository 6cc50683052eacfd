/** Where makers have the streams of their cameras: a proposal, for none of it is a standard. */
export interface Maker {
  name: string;
  /** What a device of this maker says of itself. */
  known: RegExp;
  path: string;
  port: number;
}

export const MAKERS: Maker[] = [
  {
    name: 'Amcrest · Dahua',
    known: /dahua|amcrest|^(dh|ipc)-/i,
    path: '/cam/realmonitor?channel=1&subtype=0',
    port: 554,
  },
  { name: 'Axis', known: /axis/i, path: '/axis-media/media.amp', port: 554 },
  { name: 'Bosch', known: /bosch/i, path: '/rtsp_tunnel', port: 554 },
  { name: 'Foscam', known: /foscam/i, path: '/videoMain', port: 88 },
  { name: 'Hanwha · Wisenet', known: /hanwha|wisenet|samsung/i, path: '/profile2/media.smp', port: 554 },
  { name: 'Hikvision · HiWatch', known: /hikvision|hiwatch|^ds-/i, path: '/Streaming/Channels/101', port: 554 },
  { name: 'i-PRO · Panasonic', known: /panasonic|i-?pro/i, path: '/MediaInput/h264/stream_1', port: 554 },
  { name: 'Reolink', known: /reolink/i, path: '/h264Preview_01_main', port: 554 },
  { name: 'Sony', known: /sony/i, path: '/media/video1', port: 554 },
  { name: 'TP-Link Tapo · VIGI', known: /tapo|vigi|tp-?link/i, path: '/stream1', port: 554 },
  { name: 'Uniview', known: /uniview|unv/i, path: '/unicast/c1/s0/live', port: 554 },
  { name: 'Vivotek', known: /vivotek/i, path: '/live.sdp', port: 554 },
];

export const makerOf = (...words: string[]): Maker | null =>
  MAKERS.find(({ known }) => words.some((word) => known.test(word))) ?? null;

/** The address of a stream at a host; without a maker its path is left open. */
export function addressAt(host: string, maker: Maker | null): string {
  const bare = host.includes(':') ? `[${host}]` : host;
  return `rtsp://${bare}:${maker?.port ?? 554}${maker?.path ?? '/'}`;
}

/** The host of what was typed, whole address or not. */
export const hostOf = (text: string): string =>
  /^(?:[a-z+.-]+:\/\/)?(?:[^@/]*@)?(?:\[([^\]]+)\]|([^:/?#]+))/i.exec(text.trim())?.slice(1).find(Boolean) ?? '';
