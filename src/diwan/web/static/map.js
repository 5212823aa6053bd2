// The map island: GeoJSON over the outlines of countries, from this node alone. What it shows is listed beside it too.

import { features, names } from "./topology.js";

const GRADES = { Extreme: "--extreme", Severe: "--severe", Moderate: "--moderate", Minor: "--minor" };
const here = (name) => new URL(name, import.meta.url).href;
let countries;
let library;

function load() {
  library ??= import("./maplibre/maplibre-gl.mjs").then(async (found) => {
    const sheet = document.createElement("link");
    sheet.rel = "stylesheet";
    sheet.href = here("maplibre/maplibre-gl.css");
    // Without its sheet the map shows for a second what it hides: the veil that explains how to move it.
    await new Promise((styled) => {
      sheet.onload = sheet.onerror = styled;
      document.head.append(sheet);
    });
    found.setWorkerUrl(here("maplibre/maplibre-gl-worker.mjs"));
    return found;
  });
  countries ??= fetch(here("geo/countries-50m.json"))
    .then((answer) => answer.json())
    .then((topology) => features(topology, "countries"));
  return Promise.all([library, countries]);
}

async function shapes(place) {
  const data = place.querySelector('script[type="application/json"]');
  const found = data ? JSON.parse(data.textContent) : await (await fetch(place.dataset.src)).json();
  return found.type === "FeatureCollection" ? found : { type: "FeatureCollection", features: [found] };
}

function bounds(found) {
  const box = [180, 90, -180, -90];
  const visit = (part) => {
    if (typeof part?.[0] === "number") {
      box[0] = Math.min(box[0], part[0]);
      box[1] = Math.min(box[1], part[1]);
      box[2] = Math.max(box[2], part[0]);
      box[3] = Math.max(box[3], part[1]);
    } else if (Array.isArray(part)) part.forEach(visit);
  };
  const all = (geometry) => (geometry?.geometries ? geometry.geometries.forEach(all) : visit(geometry?.coordinates));
  for (const feature of found.features) all(feature.geometry);
  return box[0] <= box[2] ? box : undefined;
}

function style(land, found, language) {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const ours = getComputedStyle(document.documentElement);
  const colour = (name) => ours.getPropertyValue(name).trim();
  const grade = ["match", ["get", "severity"]];
  for (const [severity, name] of Object.entries(GRADES)) grade.push(severity, colour(name));
  grade.push(colour("--link"));
  const of = (features) => ({ type: "geojson", data: { type: "FeatureCollection", features } });
  const face = (name, range) => ({ url: here(`fonts/${name}-400-normal.woff2`), "unicode-range": range });
  const font = ["Noto Sans"];
  return {
    version: 8,
    "font-faces": {
      "Noto Sans": [
        face("noto-sans-arabic-arabic", ["U+0600-06FF", "U+0750-077F", "U+FB50-FDFF", "U+FE70-FEFF"]),
        face("noto-sans-latin", ["U+0000-024F"]),
      ],
    },
    sources: { land: of(land), names: of(names(land, language)), shapes: { type: "geojson", data: found } },
    layers: [
      { id: "sea", type: "background", paint: { "background-color": dark ? "#16242c" : "#d5e3e9" } },
      { id: "land", type: "fill", source: "land", paint: { "fill-color": dark ? "#26323a" : "#f6f4ee" } },
      { id: "edge", type: "line", source: "land", paint: { "line-color": dark ? "#42525d" : "#b9b7ab", "line-width": 0.8 } },
      { id: "fill", type: "fill", source: "shapes", paint: { "fill-color": grade, "fill-opacity": 0.28 } },
      { id: "outline", type: "line", source: "shapes", paint: { "line-color": grade, "line-width": 2 } },
      {
        id: "names",
        type: "symbol",
        source: "names",
        layout: {
          "text-field": ["get", "name"],
          "text-font": font,
          "text-size": ["interpolate", ["linear"], ["get", "size"], 0, 11, 100, 15],
          "symbol-sort-key": ["-", 0, ["get", "size"]],
        },
        paint: { "text-color": dark ? "#aab7bf" : "#5c5a4e", "text-halo-color": dark ? "#16242c" : "#ffffff", "text-halo-width": 1.4 },
      },
    ],
  };
}

function told(properties, language) {
  const headlines = typeof properties.headlines === "string" ? JSON.parse(properties.headlines) : properties.headlines ?? {};
  const near = Object.keys(headlines).find((tag) => tag.split("-")[0] === language);
  const text = headlines[near] ?? Object.values(headlines)[0] ?? properties.headline ?? properties.title ?? "";
  const box = document.createElement(properties.ref ? "a" : "p");
  if (properties.ref) box.href = `${document.body.dataset.base}/items/${properties.ref}`;
  box.dir = "auto";
  box.textContent = text;
  return text ? box : undefined;
}

export async function draw(place) {
  place.dataset.drawn = "";
  try {
    const [{ Map, NavigationControl, ScaleControl, Popup }, land] = await load();
    const found = await shapes(place);
    const { lang: language, dir } = document.documentElement;
    const box = bounds(found);
    const [start, end] = dir === "rtl" ? ["left", "right"] : ["right", "left"];
    const map = new Map({
      container: place,
      style: style(land, found, language),
      cooperativeGestures: true,
      locale: JSON.parse(document.body.dataset.mapWords),
      attributionControl: { compact: true, customAttribution: "Natural Earth" },
      ...(box ? { bounds: box, fitBoundsOptions: { padding: 48, maxZoom: 8 } } : { center: [48, 28], zoom: 3.2 }),
    });
    // Its parts are for the keyboard and the screen reader too, and not one picture any more.
    place.setAttribute("role", "group");
    map.addControl(new NavigationControl({ showCompass: false }), `top-${start}`);
    map.addControl(new ScaleControl(), `bottom-${end}`);
    map.on("click", "fill", (event) => {
      const content = told(event.features[0].properties, language);
      if (content) new Popup({ closeButton: false }).setLngLat(event.lngLat).setDOMContent(content).addTo(map);
    });
    for (const [name, cursor] of [["mouseenter", "pointer"], ["mouseleave", ""]]) {
      map.on(name, "fill", () => (map.getCanvas().style.cursor = cursor));
    }
    map.on("error", ({ error }) => console.warn(error));
  } catch (error) {
    // Without WebGL there is no map; the list beside it says everything that it would have shown.
    console.warn(error);
    place.textContent = document.body.dataset.noMap;
    place.classList.add("without");
  }
}
