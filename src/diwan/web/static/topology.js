// TopoJSON to GeoJSON: quantised arcs, each stored once, are put together into rings (TopoJSON specification 1.0, 2.1.3).

function arcsOf({ arcs, transform: { scale, translate } }) {
  return arcs.map((arc) => {
    let x = 0;
    let y = 0;
    return arc.map(([dx, dy]) => [(x += dx) * scale[0] + translate[0], (y += dy) * scale[1] + translate[1]]);
  });
}

export function features(topology, name) {
  const arcs = arcsOf(topology);
  const ring = (ids) =>
    ids.flatMap((id, place) => {
      const arc = id < 0 ? arcs[~id].toReversed() : arcs[id];
      return place ? arc.slice(1) : arc;
    });
  return topology.objects[name].geometries
    .filter(({ type }) => type === "Polygon" || type === "MultiPolygon")
    .map(({ type, id, properties, arcs: of }) => ({
      type: "Feature",
      properties: { ...properties, id },
      geometry: { type: "MultiPolygon", coordinates: (type === "Polygon" ? [of] : of).map((rings) => rings.map(ring)) },
    }));
}

function area(ring) {
  let sum = 0;
  for (let i = 0; i + 1 < ring.length; i++) sum += ring[i][0] * ring[i + 1][1] - ring[i + 1][0] * ring[i][1];
  return sum / 2;
}

function centre(ring) {
  let x = 0;
  let y = 0;
  for (let i = 0; i + 1 < ring.length; i++) {
    const cross = ring[i][0] * ring[i + 1][1] - ring[i + 1][0] * ring[i][1];
    x += (ring[i][0] + ring[i + 1][0]) * cross;
    y += (ring[i][1] + ring[i + 1][1]) * cross;
  }
  const six = 6 * area(ring);
  return six ? [x / six, y / six] : ring[0];
}

// A place for the name of each country: the middle of its largest part, with how large that is.
export function names(countries, language) {
  const spoken = new Intl.DisplayNames([language], { type: "region", fallback: "none" });
  return countries.map(({ properties: { id, name }, geometry }) => {
    const outer = geometry.coordinates.map(([first]) => first);
    const largest = outer.reduce((one, other) => (Math.abs(area(other)) > Math.abs(area(one)) ? other : one));
    // The canonical form of a region given by its number, as the file has it, is the code by letters.
    const code = id ? new Intl.Locale(`und-${id}`).region : undefined;
    return {
      type: "Feature",
      properties: { name: (code && spoken.of(code)) || name, size: Math.abs(area(largest)) },
      geometry: { type: "Point", coordinates: centre(largest) },
    };
  });
}
