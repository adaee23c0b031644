"""A directory of simulated creators, as large as wanted: what `limelight generate creators` writes and what benchmarks search.

Nobody in it is a person. Each says so where a reader looks: names are made of syllables, handles end in `.sim`, bios in
`Simulated, no real person.`, and accounts are known by `import`. Creator n depends on the seed and the day alone, not on how
many there are, nor on the process that makes it.
"""

from cli.directory.creators import Json, creators

__all__ = ["Json", "creators"]
