type Listener<T> = (payload: T) => void

/** Typed events; Events maps each name to what its listeners are given. */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<Listener<never>>>()

  /** Calls listener at each event. Returns a function that takes it off again. */
  on<K extends keyof Events>(event: K, listener: Listener<Events[K]>): () => void {
    let all = this.#listeners.get(event)
    if (!all) this.#listeners.set(event, (all = new Set()))
    all.add(listener as Listener<never>)
    return () => this.off(event, listener)
  }

  /** Calls listener at the next event alone. */
  once<K extends keyof Events>(event: K, listener: Listener<Events[K]>): () => void {
    const off = this.on(event, payload => {
      off()
      listener(payload)
    })
    return off
  }

  off<K extends keyof Events>(event: K, listener: Listener<Events[K]>): void {
    this.#listeners.get(event)?.delete(listener as Listener<never>)
  }

  /** A listener that throws keeps neither the others from being called nor the caller from going on. */
  protected emit<K extends keyof Events>(event: K, payload: Events[K]): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) {
      try {
        (listener as Listener<Events[K]>)(payload)
      } catch (e) {
        reportError(e)
      }
    }
  }
}
