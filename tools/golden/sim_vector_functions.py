"""Coefficients of the vector functions of xscatter-sim (crates/xscatter-sim/src/form_factor/vector.rs).

    python tools/golden/sim_vector_functions.py

Chebyshev expansions, computed with 60 digits and written in powers of the argument; mpmath 1.3 or later.
"""

from mpmath import besselj, bessely, cos, mp, mpf, pi, sin, sqrt

mp.dps = 60
POINTS = 40
NEAR = 10


def expansion(function, degree):
    """Powers of t of the expansion of a function on -1 <= t <= 1."""
    nodes = [pi * (k + mpf(1) / 2) / POINTS for k in range(POINTS)]
    values = [function(cos(node)) for node in nodes]
    powers = [mpf(0)] * (degree + 1)
    previous, polynomial = [mpf(1)], [mpf(0), mpf(1)]
    for order in range(degree + 1):
        weight = (1 if order == 0 else 2) / mpf(POINTS)
        factor = weight * sum(value * cos(order * node) for value, node in zip(values, nodes))
        for power, coefficient in enumerate(previous):
            powers[power] += factor * coefficient
        following = [mpf(0)] + [2 * coefficient for coefficient in polynomial]
        for power, coefficient in enumerate(previous):
            following[power] -= coefficient
        previous, polynomial = polynomial, following
    return powers


def substituted(powers, scale):
    """Powers of y for t = scale y - 1."""
    result = [mpf(0)]
    for coefficient in reversed(powers):
        longer = [mpf(0)] * (len(result) + 1)
        for power, value in enumerate(result):
            longer[power] -= value
            longer[power + 1] += scale * value
        result = longer
        result[0] += coefficient
    return result[: len(powers)]


def near(t):
    x = sqrt((t + 1) / 2) * NEAR
    return 2 * besselj(1, x) / x


def asymptotic(t):
    """P, and Q times x, of J1(x) = sqrt(2/(pi x)) [P cos(x - 3 pi/4) - Q sin(x - 3 pi/4)]."""
    x = NEAR / sqrt((t + 1) / 2)
    phase, size = x - 3 * pi / 4, sqrt(pi * x / 2)
    j, y = besselj(1, x), bessely(1, x)
    return size * (j * cos(phase) + y * sin(phase)), size * (y * cos(phase) - j * sin(phase)) * x


def main():
    end = (pi / 2 * mpf("1.0001")) ** 2

    def sine(t):
        y = (t + 1) / 2 * end
        return (sin(sqrt(y)) / sqrt(y) - 1) / y

    for name, powers in [
        ("JINC_NEAR", expansion(near, 16)),
        ("JINC_P", expansion(lambda t: asymptotic(t)[0], 9)),
        ("JINC_Q", expansion(lambda t: asymptotic(t)[1], 10)),
        ("SIN_TO_HALF_PI", substituted(expansion(sine, 7), 2 / end)),
    ]:
        print(name, [float(power) for power in powers])


if __name__ == "__main__":
    main()
