/** How components draw lines past Ink, whose layout of a screen costs several milliseconds. */
import { createContext, useCallback, useContext, useId } from 'react';
import type { CellDiff } from './cell-diff.ts';
import type { LayerContent } from './layer.ts';

/** Draws, or with undefined takes away. */
type Layers = (name: string, content: LayerContent | undefined) => void;

export const LayersContext = createContext<Layers | undefined>(undefined);

export function layersOf(diff: CellDiff, write: (text: string) => void): Layers {
  let due = false;
  return (name, content) => {
    diff.layer(name, content);
    // What takes its place is Ink's, and comes with Ink's next frame.
    if (due || !content) return;
    due = true;
    queueMicrotask(() => {
      due = false;
      const text = diff.present();
      if (text !== '') write(text);
    });
  };
}

/** A layer of the component's own; undefined where there is nothing to draw on. */
export function useLayer(): ((content: LayerContent | undefined) => void) | undefined {
  const layers = useContext(LayersContext);
  const name = useId();
  const draw = useCallback((content: LayerContent | undefined) => layers?.(name, content), [layers, name]);
  return layers ? draw : undefined;
}
