import { type FigureWords, figuresEn } from "./figures-en";
import { strings } from "./strings";

/** The words of the screens of figures. They come with those screens, before the first of them is drawn. */
export let figureWords: FigureWords = figuresEn;

/** Fetches the words of whoever does not read English; if they cannot be had, English is better than nothing. */
export async function loadFigureWords(): Promise<void> {
  if (strings.locale !== "fr") return;
  try {
    figureWords = (await import("./figures-fr")).figuresFr;
  } catch {
    figureWords = figuresEn;
  }
}

/** A figure's name, meaning and formula; one that is newer than this client is called by its id. */
export function metricWords(id: string): readonly [name: string, what: string, how: string] {
  return figureWords.metrics[id] ?? [id, "", ""];
}
