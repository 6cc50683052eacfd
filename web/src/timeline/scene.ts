/** The canvas: draws the layers when something has changed, at most once a frame of the screen. */
import { nowMs, zoneName } from '../instants';
import { language } from '../words';
import { zoneOf } from '../zones';
import { type Colours, readColours } from './colours';
import type { Feed } from './feed';
import { Labels } from './labels';
import { heightOf, type Lane } from './lanes';
import type { Frame, Layer } from './layer';
import type { View } from './scale';

export interface SceneOptions {
  readonly canvas: HTMLCanvasElement;
  /** An element that shows nothing, by which colours are read. */
  readonly probe: HTMLElement;
  readonly layers: readonly Layer[];
  /** What the layers draw comes from these. */
  readonly feeds: readonly Pick<Feed<unknown>, 'settle' | 'stop'>[];
  readonly isShown: (layer: Layer) => boolean;
  readonly view: () => View;
  /** Told of each drawing, for what is laid over the canvas. */
  readonly drawn: (frame: Frame) => void;
}

export class Scene {
  readonly #options: SceneOptions;
  readonly #context: CanvasRenderingContext2D;
  readonly #resizes: ResizeObserver;
  #colours: Colours | null = null;
  #labels: Labels | null = null;
  #labelsOf = '';
  #lanes: Lane[] = [];
  #ids: readonly number[] = [];
  #request = 0;
  #frame: Frame | null = null;

  constructor(options: SceneOptions) {
    const context = options.canvas.getContext('2d', { alpha: false });
    if (!context) throw new Error('this browser has no canvas');
    this.#options = options;
    this.#context = context;
    this.#resizes = new ResizeObserver(() => this.draw());
    this.#resizes.observe(options.canvas);
  }

  /** The last drawing; null before the first. */
  get frame(): Frame | null {
    return this.#frame;
  }

  setLanes(lanes: readonly Lane[]): void {
    this.#ids = lanes.map(({ id }) => id);
    this.#lanes = [...lanes];
    this.#options.canvas.style.height = `${heightOf(lanes)}px`;
    if (this.#frame) this.draw();
    else this.#drawNow(); // what it needs is asked for a frame sooner
  }

  /** Read the colours anew: the theme was changed. */
  repaint(): void {
    this.#colours = null;
    this.draw();
  }

  /** Draw with the screen's next frame. */
  draw(): void {
    this.#request ||= requestAnimationFrame(() => {
      this.#request = 0;
      this.#drawNow();
    });
  }

  stop(): void {
    cancelAnimationFrame(this.#request);
    this.#resizes.disconnect();
    this.#wantNothing();
  }

  #wantNothing(): void {
    for (const feed of this.#options.feeds) feed.stop();
  }

  #drawNow(): void {
    const frame = this.#nextFrame();
    if (!frame) {
      this.#wantNothing(); // no camera is left, or it is hidden
      return;
    }
    this.#frame = frame;
    const { layers, feeds, isShown, drawn } = this.#options;
    const [context, dots] = [this.#context, frame.width * frame.density];
    context.fillStyle = frame.colours.panel;
    context.fillRect(0, 0, dots, frame.height * frame.density);
    for (const layer of layers.filter(isShown)) {
      layer.want(frame);
      layer.draw(context, frame);
    }
    for (const feed of feeds) feed.settle();
    drawn(frame);
  }

  #nextFrame(): Frame | null {
    const { canvas, probe, view } = this.#options;
    const { clientWidth: width, clientHeight: height } = canvas;
    if (!width || !height) return null;
    const density = Math.min(devicePixelRatio || 1, 2); // finer cannot be seen, and costs four times as much
    const [wide, high] = [Math.round(width * density), Math.round(height * density)];
    if (canvas.width !== wide || canvas.height !== high) [canvas.width, canvas.height] = [wide, high];
    this.#colours ??= readColours(probe, this.#context, density);
    const zone = zoneOf(zoneName());
    return {
      view: view(),
      width,
      height,
      density,
      zone,
      lanes: this.#lanes,
      ids: this.#ids,
      colours: this.#colours,
      labels: this.#labelsIn(language.peek(), zone.name),
      nowMs: nowMs(),
    };
  }

  #labelsIn(name: string, zone: string): Labels {
    if (!this.#labels || this.#labelsOf !== `${name} ${zone}`) {
      this.#labels = new Labels(name, zone);
      this.#labelsOf = `${name} ${zone}`;
    }
    return this.#labels;
  }
}
