/** Ends what global-setup.mjs started; if Jest does not get here, the control plane's guard does. */
export default async function globalTeardown() {
  await globalThis.keysteadStopControlPlane?.();
}
