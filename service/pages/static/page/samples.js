// Sample links of the sandbox: images that succeed, one that is converted, and two common errors.

const PATHS = [
  "/images/photo.jpg",
  "/images/drawing.png",
  "/images/animation.gif",
  "/images/animated.png",
  "/images/large.png",
  ...["aurora.png", "harbour.jpg", "meadow.png", "lagoon.gif", "dusk.jpg", "quarry.png", "orchard.jpg"]
    .map((name) => `/images/numbered/${name}`),
  "/faults/flaky/2/page/images/small.png",
  "/faults/redirect/3/images/bitmap.bmp",
  "/images/picture.webp",
  "/faults/status/404",
  "/faults/html",
];

export const sampleLinks = (sandboxUrl) => PATHS.map((path) => sandboxUrl + path);
