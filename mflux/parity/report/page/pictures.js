// Both sides of a picture: one over the other with a slider between them, and where they differ.

function pictureDifference(images, canvas, note) {
  const [width, height] = [images[0].naturalWidth, images[0].naturalHeight];
  const pixels = images.map((image) => {
    const side = element("canvas", { width, height });
    const context = side.getContext("2d", { willReadFrequently: true });
    context.drawImage(image, 0, 0);
    return context.getImageData(0, 0, width, height).data;
  });
  const most = new Uint8Array(width * height);
  for (let i = 0; i < most.length; ++i) {
    for (let c = 0; c < 3; ++c) most[i] = Math.max(most[i], Math.abs(pixels[0][4 * i + c] - pixels[1][4 * i + c]));
  }
  const largest = most.reduce((a, b) => Math.max(a, b), 0);
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  most.forEach((value, i) => image.data.set([...heatColour(largest === 0 ? 0 : value / largest), 255], 4 * i));
  context.putImageData(image, 0, 0);
  note.textContent = largest === 0 ? "Their 8-bit pixels are equal." : `Difference, up to ${largest} of 255`;
}

function picturesSection({ ref, port, flip, text }) {
  const images = [element("img", { src: ref, alt: "The reference's picture" }), element("img", { src: port, alt: "The port's picture" })];
  const slider = element("input", { type: "range", min: 0, max: 100, value: 50, "aria-label": "Reference to the left, port to the right" });
  const swipe = () => (images[1].style.clipPath = `inset(0 0 0 ${slider.value}%)`);
  slider.addEventListener("input", swipe);
  swipe();
  const canvas = element("canvas", { role: "img", "aria-label": "Difference of the pictures" });
  const note = element("figcaption", { class: "note" });
  Promise.all(images.map((image) => image.decode())).then(() => pictureDifference(images, canvas, note));
  const both = element("figure", {}, element("div", { class: "swipe" }, ...images), slider, element("figcaption", { class: "note" }, "Reference left, port right of the slider"));
  const seen = element("figure", {}, element("img", { src: flip, alt: "How the difference looks, after FLIP" }), element("figcaption", { class: "note" }, "FLIP: the difference as it looks, black for none"));
  return section("Pictures", ...(text ? [element("p", { class: "note" }, text)] : []), element("div", { class: "pair pictures" }, both, element("figure", {}, canvas, note), seen));
}
