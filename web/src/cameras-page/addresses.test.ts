import { describe, expect, it } from 'vitest';
import { join, placeOf, split } from './addresses';

describe('addresses', () => {
  it('give user and password fields of their own', () => {
    expect(split('rtsp://admin:p%40ss@10.0.0.1:554/a?b=1')).toEqual({
      bare: 'rtsp://10.0.0.1:554/a?b=1',
      user: 'admin',
      password: 'p@ss',
    });
    expect(split('rtsp://10.0.0.1/a@b')).toEqual({ bare: 'rtsp://10.0.0.1/a@b', user: '', password: '' });
    expect(split('10.0.0.1')).toEqual({ bare: '10.0.0.1', user: '', password: '' });
    expect(split('rtsp://a:%zz@h/').password).toBe('%zz');
  });

  it('take them back with every character', () => {
    const parts = { bare: 'rtsp://[fd12::5]:8554/live', user: 'admin', password: 'a/b?c#d@e:f g%' };
    expect(split(join(parts))).toEqual(parts);
    expect(join({ ...parts, password: '***' })).toBe('rtsp://admin:***@[fd12::5]:8554/live');
    expect(join({ bare: 'rtsp://u:p@h/x', user: 'other', password: 'q' })).toBe('rtsp://u:p@h/x');
    expect(join({ bare: 'h/x', user: 'u', password: 'p' })).toBe('h/x');
  });

  it('are the same place whoever asks', () => {
    expect(placeOf('rtsp://u:p@Cam.local/S1/')).toBe(placeOf('RTSP://other@cam.LOCAL/S1'));
    expect(placeOf('rtsp://h/a')).not.toBe(placeOf('rtsp://h/A'));
  });
});
