"""Names that look like patient data, and names that do not."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from RetrievalSAMLib.library.adding.privacy import Warning, warnings_of
from RetrievalSAMLib.library.names import numbered_name

HARMLESS = """case-001|case-12|T2_3mm|hippocampus_014|T2w +3 mm|00 axial 3
case_000123|Liver|L/R kidney|Kidney, left|Kidney, Left|Aorta, Ascending|Arm, Leg|CTChest
MRBrainTumor1|MRHead|BTCV_01|panoramix-cropped|L1 vertebra|Th12|R2* map|T2^|T1w 3D 1.5mm|hippocampus_044|SC-HF-I-01_ED
GA21_notoperated|TCGA-02-0001|BRATS_001|patient-12|Segment_1|segment_13|2024 follow-up|CT 120 kV|May 2
portal+splenic vein|corpus callosum|Left half|1|v1.2.3|liver (2)|Leber|foie|肝臓|печень"""

SUSPECT = {
    "person's name in a DICOM file": "Doe^Jane|DOE^JANE^^^DR|Müller^Hans|山田^太郎",
    "last and first name": "Müller, Hans|DOE, JOHN|O'Neil, Mary Ann|Smith,John|Smith-Jones, A.",
    "date": "19610503|Doe_19610503|03.05.1961|03051961|1961-05-03|5/3/1961|3 May 1961|May 3, 1961|03-MAY-1961"
    "|3. Mai 1961|１９６１０５０３|CT 2019-12-31 portal",
    "number of a patient or of an examination": "MRN4711|MRN-4711|mrn: 12|ACC12345|born 1961|Patient ID 42|PID_0042",
    "long number": "123456|CT 4711234|E12345678|case_123456789",
    "insurance or health service": "123-45-6789|943 476 5919",
    "telephone": "+49 89 1234567|Tel. 030-123456|0041 44 555 12 34|phone: 5550143",
    "e-mail": "jane@doe.org|from j.doe+ct@clinic.example",
    "identifier of a DICOM file": "1.2.840.113619.2.55.3",
}


@pytest.mark.parametrize("name", [name for line in HARMLESS.splitlines() for name in line.split("|")])
def test_an_ordinary_name_is_no_alarm(name):
    assert warnings_of([name]) == []


@pytest.mark.parametrize(
    ("reason", "name"), [(reason, name) for reason, names in SUSPECT.items() for name in names.split("|")]
)
def test_what_looks_like_patient_data_is_said_once_with_the_reason(reason, name):
    (warning,) = warnings_of([name])
    assert warning.name == name and reason in warning.reason


def test_a_name_may_have_several_reasons_and_is_judged_once():
    found = warnings_of(["Liver", "Doe, Jane 19610503", "Doe, Jane 19610503"])
    assert [warning.name for warning in found] == ["Doe, Jane 19610503"] * 2
    assert "date" in found[0].reason and "first name" in found[1].reason
    assert isinstance(found[0], Warning)


@given(st.dates(date(1900, 1, 1), date(2099, 12, 31)), st.sampled_from("-./_ "), st.text("abc_ ", max_size=5))
def test_every_date_is_found_however_it_is_written(day, separator, around):
    year, month, number = f"{day.year:04d}", f"{day.month:02d}", f"{day.day:02d}"
    written = [separator.join(parts) for parts in ((year, month, number), (number, month, year), (month, number, year))]
    for text in (*written, year + month + number, f"{day:%d %b %Y}", f"{day:%B %d, %Y}"):
        assert any("date" in warning.reason for warning in warnings_of([f"{around}_{text}"])), text


@given(st.integers(100_000, 10**12), st.text("abcXYZ_- ", max_size=6), st.text("abcXYZ_- ", max_size=6))
def test_every_long_number_is_found_wherever_it_stands(number, before, after):
    assert warnings_of([f"{before}{number}{after}"])


@given(
    st.text(st.characters(categories=["Lu", "Ll", "Lo"]), min_size=2, max_size=12),
    st.text(st.characters(categories=["Lu", "Ll", "Lo"]), min_size=2, max_size=12),
)
def test_every_dicom_name_is_found_in_every_script(last, first):
    assert any("DICOM" in warning.reason for warning in warnings_of([f"{last}^{first}"]))


@pytest.mark.parametrize("name", ["शर्मा^राजेश", "สมิธ^จำลอง", "Gal·la^Júlia", "ĿA^AĿ", "Nguye\u0302\u0303n^An"])
def test_dicom_names_with_signs_between_letters_are_found(name):
    assert any("DICOM" in warning.reason for warning in warnings_of([name]))


@given(st.lists(st.text(max_size=40), max_size=5))
def test_any_text_is_judged_and_each_warning_is_about_a_name_that_was_given(names):
    found = warnings_of(names)
    assert {warning.name for warning in found} <= set(names)
    assert len(set(found)) == len(found)


@given(st.integers(0, 99_998))
def test_the_names_that_the_library_gives_are_no_alarm(number):
    assert warnings_of([numbered_name(number + 1)]) == []


@given(st.text("ab ,^@.-/0123456789", min_size=500, max_size=2000))
def test_long_names_made_to_confuse_are_judged(name):
    warnings_of([name, name * 5])
