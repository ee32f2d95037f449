"""One of our models as a system of a table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from auffusion.recipes.tables.items import Item, item_seed
from auffusion.recipes.tables.needs import Equipment, Need, model_need
from auffusion.recipes.tables.systems import Job, Sampling, check_title
from auffusion.studio.settings import Settings
from auffusion.studio.studio import Studio


@dataclass(frozen=True, kw_only=True)
class ModelSystem:
    """A model and how it is sampled."""

    title: str
    """What the row is called."""
    paper: Mapping[str, tuple[float, ...]] = field(default_factory=lambda: {})
    """What the paper prints, by list."""
    model: str = ""
    """"embedded", a folder, or a repository of the hub; empty leaves the row out."""
    how: str = ""
    """How such a folder is had."""
    steps: int | None = None
    """Denoising steps; this and the next two are the table's where they are not given."""
    guidance: float | None = None
    """Guidance scale."""
    scheduler: str = ""
    """Sampler."""

    def __post_init__(self) -> None:
        check_title(self.title)

    @property
    def left_out(self) -> str:
        """See `System`."""
        return "" if self.model else f"no model is named{self.how and f' ({self.how})'}"

    def needs(self, equipment: Equipment) -> Iterator[Need]:
        """See `System`."""
        yield model_need(self.model, self.how, equipment)

    def gpu_seconds(self, sampling: Sampling, seconds_a_step: float) -> float:
        """See `System`."""
        return seconds_a_step * (self.steps or sampling.steps)

    def make(self, jobs: Sequence[Job], equipment: Equipment) -> None:
        """See `System`."""
        dtype = jobs[0].sampling.dtype
        studio = Studio(self.model, device=equipment.device, dtype=dtype)
        for job in jobs:
            for item in job.items:
                self._make(studio, job, item)

    def settings(self, sampling: Sampling, item: Item) -> Settings:
        """All that decides an item's sound, besides the model."""
        guidance = sampling.guidance if self.guidance is None else self.guidance
        return Settings(
            prompt=item.caption,
            seed=item_seed(sampling.seed, item.name),
            steps=self.steps or sampling.steps,
            guidance=guidance,
            length_s=sampling.length_s,
            scheduler=self.scheduler or sampling.scheduler,
            dtype=sampling.dtype,
        )

    def _make(self, studio: Studio, job: Job, item: Item) -> None:
        path, settings = job.path_of(item), studio.complete(self.settings(job.sampling, item))
        done = studio.has_made(path, settings)
        if not done:
            studio.make(settings, lambda: None).write(path)
        job.on_sound(path, not done)
