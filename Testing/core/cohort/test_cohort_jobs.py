"""Jobs of a cluster: what is written for Slurm and the like, and wrong descriptions; graphics cards and processors."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from RetrievalSAMLib.cohort.cluster import OneOfSeveral, threads_of_each, workers_of
from RetrievalSAMLib.cohort.jobs import cluster_of, read_jobs
from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.side_by_side import available_processors

ROOT = Path(__file__).resolve().parents[3]
DESCRIPTION = "cores: 4\nmemory: 16GB\nwalltime: '02:30'\nqueue: gpu\ninterface: lo\n"


def described(folder: Path, text: str) -> Path:
    file = folder / "jobs.yaml"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("kind", "lines"),
    [
        ("slurm", ["#SBATCH -p gpu", "#SBATCH --cpus-per-task=4", "#SBATCH --mem=15G", "#SBATCH -t 02:30"]),
        ("pbs", ["#PBS -q gpu", "#PBS -l select=1:ncpus=4:mem=15GB", "#PBS -l walltime=02:30"]),
        ("lsf", ["#BSUB -q gpu", "#BSUB -n 4", "#BSUB -W 02:30"]),
        ("sge", ["#$ -q gpu", "#$ -l h_rt=02:30"]),
    ],
)
def test_a_job_asks_for_what_is_described_and_works_on_one_volume_with_all_its_cores(
    tmp_path: Path, kind: str, lines: list[str]
) -> None:
    prologue = "job_script_prologue: [module load python]\njobs: 16\n"
    jobs = read_jobs(described(tmp_path, f"cluster: {kind}\n{DESCRIPTION}{prologue}"))
    assert jobs.count == 16
    with cluster_of(jobs) as cluster:
        script = cluster.job_script()
    assert set(lines) <= set(script.splitlines())
    assert "module load python\nexport DASK_DISTRIBUTED__NANNY__PRE_SPAWN_ENVIRON__OMP_NUM_THREADS=4\n" in script
    assert script.rindex("--nthreads 1") > script.find("--nthreads 4")


def test_the_description_in_the_docs_is_understood(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "batch.md").read_text(encoding="utf-8"), re.DOTALL)
    jobs = read_jobs(described(tmp_path, example))
    assert (jobs.kind, jobs.count, jobs.arguments["protocol"]) == ("slurm", 16, "tls://")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("cluster: [slurm", "no YAML"),
        ("- slurm", "no kind of cluster"),
        ("cluster: condor", "no kind of cluster"),
        (f"cluster: slurm\n{DESCRIPTION}partition: gpu", "`partition` is not known"),
        (f"cluster: pbs\n{DESCRIPTION}lsf_units: mb", "`lsf_units` is not known"),
        (f"cluster: slurm\n{DESCRIPTION}processes: 4", "`processes` is not known"),
        ("cluster: slurm\nmemory: 4GB", "`cores` is missing"),
        (f"cluster: slurm\n{DESCRIPTION}jobs: many", "`jobs: many` is no number"),
    ],
)
def test_a_wrong_description_is_refused_with_its_key(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        read_jobs(described(tmp_path, text))


@pytest.mark.parametrize(
    ("scheduler", "count", "told"),
    [
        ("somewhere", None, "it is no scheduler"),
        ("local", 0, "--workers: 0 are too few"),
        ("tcp://127.0.0.1:1", 2, "has its own workers"),
    ],
)
def test_schedulers_that_cannot_be_used_are_refused(scheduler: str, count: int | None, told: str) -> None:
    with pytest.raises(InputError, match=told), workers_of(scheduler, count, "cpu"):
        pass


def test_jobs_of_a_cluster_leave_ctrl_c_as_it_is(tmp_path: Path) -> None:
    code = (
        "import signal, sys\nfrom RetrievalSAMLib.cohort.cluster import workers_of\n"
        "from RetrievalSAMLib.errors import InputError\n"
        "try:\n    workers_of(sys.argv[1], None, 'cpu').__enter__()\nexcept InputError:\n    pass\n"
        "assert 'dask_jobqueue' in sys.modules\nassert signal.getsignal(signal.SIGINT) is signal.default_int_handler"
    )
    process = subprocess.run([sys.executable, "-c", code, described(tmp_path, "cluster: none")], cwd=ROOT, check=False)
    assert process.returncode == 0


def test_one_process_computes_like_segment_and_several_share_the_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert threads_of_each(1) == {}
    assert threads_of_each(2) == {"OMP_NUM_THREADS": str(max(1, available_processors() // 2))}
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert threads_of_each(1) == threads_of_each(2) == {"OMP_NUM_THREADS": "3"}


def test_each_process_has_a_card_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    plugin, seen = OneOfSeveral(("2", "5")), []
    for number in range(4):
        plugin.setup(SimpleNamespace(name=number))  # type: ignore[arg-type]
        seen.append(os.environ["CUDA_VISIBLE_DEVICES"])
    assert seen == ["2", "5", "2", "5"]
