"""The memory of a search: a study of Optuna in an SQLite file, which processes share and a kill does not harm.

This module alone knows Optuna. A trial is proposed, tried and told there. Settings that cannot be, or were tried before,
are told as failed with the reason, and count for nothing. What a process was trying when it was killed is found by its
heartbeat, which stopped, and is proposed again.
"""

from __future__ import annotations

import contextlib
import sqlite3
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.storages import RDBStorage, fail_stale_trials
from optuna.trial import FrozenTrial, Trial, TrialState
from pydantic import ValidationError

from quweit_cli import artifacts
from quweit_cli.boundary import readers
from quweit_cli.documents import SearchTrial, Setting
from quweit_cli.errors import ArtifactError, ConfigError, QuweitError
from quweit_cli.search.space import Choose

NAME = "quweit search"
HEARTBEAT_SECONDS = 5
GRACE_SECONDS = (
    30  # without a heartbeat, after which a trial is given up; compiling kernels may hold one back
)
BUSY_SECONDS = 60  # for which a process waits while others write
MAGIC = b"SQLite format 3\0"
# What a trial keeps beside Optuna's own.
SETTINGS, FIGURES, STATE, REASON, MADE_FROM = "settings", "figures", "state", "reason", "made_from"

Settings = dict[str, Setting]
Figures = dict[str, float | None]  # of a `SearchTrial`


class Refused(Exception):
    """Settings that were not tried, with the reason."""


class Failed(Refused):
    """Settings that were tried in vain, which counts as a trial."""


class Study:
    """What was proposed, what is being tried, what came of it."""

    def __init__(self, path: Path, made_from: Mapping[str, Any], *, seed: int) -> None:
        """Open the study in this file, or begin one.

        made_from: the settings that it belongs to.

        Raises:
            ArtifactError: the file is damaged, holds something else, or cannot be written.
            ConfigError: the study belongs to other settings.
        """
        self.path = path
        with artifacts.alone(path.parent), self._explained():
            _check_file(path)
            self._study = _opened(path, seed)
            found = self._study.user_attrs.get(MADE_FROM)
            if found is None and not self._study.get_trials(deepcopy=False):
                self._study.set_user_attr(MADE_FROM, dict(made_from))
                found = made_from
        if differ := artifacts.differences(found, made_from):
            raise ConfigError(
                f"the study in `{path}` belongs to other settings: {artifacts.listed(differ)}",
                hint="search with the same settings, or name another file with --storage, or another directory with --out",
            )

    def trials(self) -> list[SearchTrial]:
        """Those with figures and those that were refused; nothing of what is being tried, or of what a kill ended.

        Raises:
            ArtifactError: what the file says is not what a search writes.
        """
        with self._explained():
            return [_document(one) for one in self._all() if _is_told(one)]

    def begun(self) -> int:
        """How many trials count: with figures, tried in vain, or being tried."""
        with self._explained():
            counting = [one for one in self._all() if one.user_attrs.get(STATE) in ("tried", "failed")]
            return len(counting) + self.running()

    def running(self) -> int:
        """How many are being tried, by any process; those whose heartbeat stopped are given up first."""
        with self._explained(), warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            fail_stale_trials(self._study)
            return sum(one.state == TrialState.RUNNING for one in self._all())

    def try_one(
        self, propose: Callable[[Choose], Settings], evaluate: Callable[[Settings], Figures]
    ) -> SearchTrial | None:
        """Propose settings, try them, and remember what came of it; nothing where another process took the trial over.

        evaluate: raises Refused or Failed, which are remembered; whatever else it raises has them proposed again.

        Raises:
            ArtifactError: the file cannot be written.
        """
        attempt = _Attempt(self._study, propose, evaluate)
        with self._explained(attempt):
            self._study.optimize(attempt, n_trials=1, catch=(Refused,))
            return _document(self._all()[attempt.number])
        return None

    def _all(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False)

    @contextlib.contextmanager
    def _explained(self, attempt: _Attempt | None = None) -> Iterator[None]:
        """What Optuna, SQLAlchemy and SQLite raise becomes an ArtifactError; what was tried raises its own errors."""
        try:
            yield
        except QuweitError:
            raise
        except Exception as error:
            if attempt is not None and attempt.given_up:
                return
            if attempt is not None and error is attempt.error:
                raise
            raise ArtifactError(
                f"the study in `{self.path}` cannot be used: {readers.cut(error)}",
                hint="if it is damaged, move it away: the same command begins anew, and takes what is trained already",
            ) from None


class _Attempt:
    """One trial, as Optuna calls it."""

    def __init__(
        self,
        study: optuna.Study,
        propose: Callable[[Choose], Settings],
        evaluate: Callable[[Settings], Figures],
    ) -> None:
        self.study, self.propose, self.evaluate = study, propose, evaluate
        self.number = -1
        self.error: BaseException | None = None  # of what was tried
        self.given_up = False  # another process has taken this one for dead, and proposes the trial again

    def __call__(self, trial: Trial) -> Sequence[float]:
        self.number = trial.number
        try:
            settings = self.propose(trial.suggest_categorical)
            trial.set_user_attr(SETTINGS, settings)
            self._check_new(trial.number, settings)
            figures = self.evaluate(settings)
        except Refused as error:
            self._check_alive(trial.number)
            trial.set_user_attr(REASON, str(error))
            trial.set_user_attr(STATE, "failed" if isinstance(error, Failed) else "refused")
            raise
        except BaseException as error:
            self.error = error
            _propose_again(self.study, trial)
            raise
        self._check_alive(trial.number)
        trial.set_user_attr(FIGURES, figures)
        trial.set_user_attr(STATE, "tried")
        return _document(trial).figures

    def _check_new(self, number: int, settings: Settings) -> None:
        for other in self.study.get_trials(deepcopy=False):
            known = other.state in (TrialState.COMPLETE, TrialState.RUNNING) and other.number != number
            if known and other.user_attrs.get(SETTINGS) == settings:
                raise Refused(f"the same as trial {other.number}")

    def _check_alive(self, number: int) -> None:
        if self.study.get_trials(deepcopy=False)[number].state != TrialState.RUNNING:
            self.given_up = True
            raise Refused("given up")


class _Seeded(BaseSampler):
    """The tree-structured Parzen estimator, whose draws depend on the seed, the trial, and what came of those before.

    A process that goes on with a study proposes what the one before it would have, and two never draw the same. After a
    proposal that was refused the next one is drawn at random: the estimator hears nothing of it, and would repeat itself.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.sampler: BaseSampler = RandomSampler()

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        before = study.get_trials(deepcopy=False)[: trial.number]
        lasting = [one for one in before if not _was_ended(one)]
        seed = Random(f"{self.seed} {len(lasting)}").getrandbits(32)
        refused = bool(lasting) and lasting[-1].user_attrs.get(STATE) == "refused"
        self.sampler = RandomSampler(seed) if refused else TPESampler(seed=seed)
        self.sampler.before_trial(study, trial)

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return self.sampler.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self.sampler.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self.sampler.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(
        self, study: optuna.Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        self.sampler.after_trial(study, trial, state, values)


def _check_file(path: Path) -> None:
    """Raises ArtifactError for a file that is there and holds no study of ours; nothing is written into it."""
    if not path.exists():
        return
    hint = "name another file with --storage, or move this one away"
    try:
        with readers.open_file(path) as file:
            start = file.read(len(MAGIC))
    except (readers.Unreadable, OSError) as error:
        raise ArtifactError(f"cannot read `{path}`: {readers.reason(error)}", hint=hint) from None
    if start != MAGIC:
        raise ArtifactError(f"`{path}` is not an SQLite file", hint=hint)
    try:
        with contextlib.closing(_connected(path)) as connection:
            names = [name for (name,) in connection.execute("select study_name from studies limit 2")]
    except sqlite3.Error as error:
        raise ArtifactError(f"`{path}` holds no study, or is damaged: {error}", hint=hint) from None
    if names != [NAME]:
        raise ArtifactError(f"`{path}` holds a study that `quweit search` did not begin", hint=hint)


def _opened(path: Path, seed: int) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        storage = RDBStorage(
            "sqlite:///of_creator",  # a path would have to be written as a URL, and as a template
            engine_kwargs={"creator": lambda: _connected(path)},
            heartbeat_interval=HEARTBEAT_SECONDS,
            grace_period=GRACE_SECONDS,
            heartbeat_stale_trial_callback=_propose_again,
        )
    return optuna.create_study(
        storage=storage,
        study_name=NAME,
        directions=["minimize", "minimize", "minimize"],
        load_if_exists=True,
        sampler=_Seeded(seed),
    )


def _connected(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=BUSY_SECONDS, check_same_thread=False)


def _propose_again(study: optuna.Study, trial: Trial | FrozenTrial) -> None:
    """A process was ended while it tried these settings, or could not go on."""
    study.enqueue_trial(trial.params)


def _is_told(trial: FrozenTrial) -> bool:
    return trial.state == TrialState.COMPLETE or (trial.state == TrialState.FAIL and not _was_ended(trial))


def _was_ended(trial: FrozenTrial) -> bool:
    """Whether nothing came of a trial because its process ended; the same is proposed again, under another number."""
    return trial.state == TrialState.FAIL and STATE not in trial.user_attrs


def _document(trial: Trial | FrozenTrial) -> SearchTrial:
    """Raises ValueError for what no search writes."""
    kept = trial.user_attrs
    told = {name: kept.get(name) for name in (SETTINGS, STATE, REASON)}
    try:
        return SearchTrial.model_validate({"number": trial.number, **told, **kept.get(FIGURES, {})})
    except ValidationError as error:
        raise ValueError(f"trial {trial.number}: {readers.problems(error)}") from None
