"""Nothing of the source but pixels, grid and segments is stored."""

from __future__ import annotations

from library_files import files_below


def test_nothing_of_the_source_is_stored(library, tmp_path, make_pair):
    """Names of files, header fields and the machine's user and host are in no byte of the library."""
    import gzip
    import socket

    import SimpleITK as sitk

    from RetrievalSAMLib.volumes.reading import read_segmentation, read_volume

    image, segmentation = make_pair()
    folder = tmp_path / "Doe^Jane_19610503"
    folder.mkdir()
    for name, array in (("MRN-4711.nrrd", image.voxels), ("MRN-4711_label.nrrd", segmentation.labelmap())):
        written = sitk.GetImageFromArray(array.T)
        written.SetSpacing(image.geometry.spacing_mm)
        written.SetMetaData("PatientName", "Doe^Jane")
        written.SetMetaData("0010|0030", "19610503")
        sitk.WriteImage(written, str(folder / name))
    source = folder / "MRN-4711.nrrd"
    library.add(
        read_volume(source),
        read_segmentation(folder / "MRN-4711_label.nrrd"),
        image_name=str(source),
        segmentation_name=str(folder / "MRN-4711_label.nrrd"),
    )
    secrets = [
        b"Doe",
        b"Jane",
        b"19610503",
        b"MRN",
        b"4711",
        str(tmp_path).encode(),
        socket.gethostname().encode(),
    ]
    for name, data in files_below(library.path).items():
        header = data.split(b"\n\n", 1)
        contents = [data]
        if len(header) == 2 and header[1][:2] == b"\x1f\x8b":
            contents += [header[0], gzip.decompress(header[1])]
        for secret in secrets:
            assert all(secret not in content for content in contents), (name, secret)
