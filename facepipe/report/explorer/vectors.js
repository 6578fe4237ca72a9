// Arithmetic on latents: densities, principal components, locks, ways between two faces.
"use strict";

const dot = (a, b) => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
};

// a + by * b
const plus = (a, b, by = 1) => Float32Array.from(a, (value, i) => value + by * b[i]);
const lerp = (a, b, t) => Float32Array.from(a, (value, i) => (1 - t) * value + t * b[i]);

// along a great circle (Shoemake 1985), as `facepipe interpolate`; straight where a and b single none out
function slerp(a, b, t) {
  const [la, lb] = [Math.hypot(...a), Math.hypot(...b)];
  const omega = Math.acos(Math.max(-1, Math.min(1, dot(a, b) / (la * lb || 1))));
  if (Math.sin(omega) < 1e-6 || la * lb === 0) return lerp(a, b, t);
  const [wa, wb] = [Math.sin((1 - t) * omega) / Math.sin(omega), Math.sin(t * omega) / Math.sin(omega)];
  return Float32Array.from(a, (value, i) => wa * value + wb * b[i]);
}

function normal() {
  const radius = Math.sqrt(-2 * Math.log(1 - Math.random()));
  return radius * Math.cos(2 * Math.PI * Math.random());
}

// A model's latents: what is known of them, and moves among them.
class Space {
  // spec as contents.py writes it; arrays: Map of place -> Float32Array
  constructor(spec, arrays) {
    this.dim = spec.latent_dim;
    this.path = spec.path;
    const { pca } = spec;
    this.mean = pca ? arrays.get(pca.mean) : new Float32Array(this.dim);
    this.sd = pca ? arrays.get(pca.sd) : new Float32Array(this.dim).fill(1);
    const rows = pca && arrays.get(pca.components);
    this.components = rows && Array.from(this.sd, (_, k) => rows.subarray(k * this.dim, (k + 1) * this.dim));
    this.directions = spec.directions.map((each) => ({ ...each, vector: arrays.get(each.vector) }));
    this.samplers = spec.samplers.map((each) => ({
      ...each,
      means: arrays.get(each.means),
      draws: arrays.get(each.draws),
      roots: each.roots && each.roots.map((i) => arrays.get(i)),
    }));
    // variance of each dimension
    this.variances = new Float32Array(this.dim).fill(1);
    if (this.components)
      for (let i = 0; i < this.dim; i++)
        this.variances[i] = this.components.reduce((sum, axis, k) => sum + (axis[i] * this.sd[k]) ** 2, 0);
  }

  // where a latent lies along component k, in standard deviations
  coordinate(z, k) {
    let sum = 0;
    const axis = this.components[k];
    for (let i = 0; i < this.dim; i++) sum += (z[i] - this.mean[i]) * axis[i];
    return this.sd[k] > 0 ? sum / this.sd[k] : 0;
  }

  // a random latent; psi: how far from the middle (1: as the density has it)
  draw(sampler, psi) {
    const z = new Float32Array(this.dim);
    if (sampler.kind === "list") {
      const row = Math.floor((Math.random() * sampler.draws.length) / this.dim);
      return lerp(this.mean, sampler.draws.subarray(row * this.dim, (row + 1) * this.dim), psi);
    }
    const noise = Float32Array.from({ length: this.dim }, normal);
    if (sampler.kind === "prior") return noise.map((value) => psi * value);
    let rest = Math.random();
    let k = sampler.weights.findIndex((weight) => (rest -= weight) < 0);
    if (k < 0) k = sampler.weights.length - 1;
    const [root, mean] = [sampler.roots[k], sampler.means.subarray(k * this.dim, (k + 1) * this.dim)];
    for (let i = 0; i < this.dim; i++) z[i] = mean[i] + psi * dot(root.subarray(i * this.dim, i * this.dim + i + 1), noise);
    return z;
  }

  // a face near another one
  around(z, reach) {
    const moved = Float32Array.from(z);
    for (let k = 0; k < this.dim; k++) {
      const step = reach * this.sd[k] * normal();
      if (!this.components) moved[k] += step;
      else for (let i = 0; i < this.dim; i++) moved[i] += step * this.components[k][i];
    }
    return moved;
  }

  between(a, b, t) {
    return (this.path === "slerp" ? slerp : lerp)(a, b, t);
  }

  // the functional whose value a lock keeps: of a lock "c3", "z3" or "a3" (component, dimension, attribute)
  functional(lock) {
    const i = Number(lock.slice(1));
    if (lock[0] === "c") return this.components[i];
    if (lock[0] === "z") return Float32Array.from({ length: this.dim }, (_, j) => (j === i ? 1 : 0));
    return this.directions[i].vector.map((value, j) => (this.variances[j] > 0 ? value / this.variances[j] : 0));
  }

  // the latent nearest to `to`, in standard deviations, whose locked values are those of `from`; the value that `by`
  // stands for is that of `to` all the same, where the others leave it free
  locked(from, to, locks, by = null) {
    const wanted = Array.from(to, (value, i) => value - from[i]);
    const move = [...wanted];
    const basis = []; // functionals that are orthonormal in that measure, and the moves that they take away
    for (const lock of locks) {
      const row = Array.from(this.functional(lock));
      for (const [other, taken] of basis) {
        const share = dot(row, taken);
        for (let i = 0; i < this.dim; i++) row[i] -= share * other[i];
      }
      const taken = row.map((value, i) => value * this.variances[i]);
      const length = Math.sqrt(dot(row, taken));
      if (!(length > 1e-6)) continue;
      basis.push([row.map((value) => value / length), taken.map((value) => value / length)]);
    }
    for (const [row, taken] of basis) {
      const share = dot(row, move);
      for (let i = 0; i < this.dim; i++) move[i] -= share * taken[i];
    }
    if (by) {
      const functional = this.functional(by);
      const [whole, left] = [dot(functional, wanted), dot(functional, move)];
      if (Math.abs(left) > 0.05 * Math.abs(whole)) for (let i = 0; i < this.dim; i++) move[i] *= whole / left;
    }
    // the numbers that stay are to stay to the last digit
    const kept = new Set(locks.filter((lock) => lock[0] === "z").map((lock) => Number(lock.slice(1))));
    return Float32Array.from(from, (value, i) => (kept.has(i) ? value : value + move[i]));
  }
}
