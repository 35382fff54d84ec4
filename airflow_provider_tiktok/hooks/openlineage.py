"""A hop as OpenLineage has it: datasets with schema, counts and column lineage. Needs Airflow's OpenLineage provider.

Text of a query is in none of it. Naming of datasets: https://openlineage.io/docs/spec/naming.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from airflow.providers.openlineage.extractors import OperatorLineage
from openlineage.client.event_v2 import InputDataset, OutputDataset
from openlineage.client.facet_v2 import (
    DatasetFacet,
    column_lineage_dataset,
    dataset_version_dataset,
    input_statistics_input_dataset,
    output_statistics_output_dataset,
    schema_dataset,
)

from airflow_provider_tiktok.core.segment_uri import namespace_and_name
from airflow_provider_tiktok.hooks.lineage import Hop, without_connection
from airflow_provider_tiktok.hooks.tables import Column, read_by

HASHED = column_lineage_dataset.Transformation(
    type="DIRECT", subtype="TRANSFORMATION", description="normalised and hashed", masking=True
)
SENT = column_lineage_dataset.Transformation(type="DIRECT", subtype="IDENTITY", description="", masking=False)


def lineage_of(hop: Hop) -> OperatorLineage[Any, Any]:
    """Inputs and outputs of a hop."""
    places = [_place(uri, hop) for uri in hop.sources]
    origins = {column: [(*place, column) for place in places] for column in hop.columns}
    if hop.query:
        tables, origins = read_by(hop.query, hop.columns)
        places = [*places, *tables]
    return OperatorLineage(
        inputs=[_input(place, hop) for place in places],
        outputs=[_output(uri, hop, origins) for uri in hop.targets],
    )


def place_of(uri: str) -> tuple[str, str]:
    """Namespace and name: those of a segment are its advertiser and itself, those of a file its storage and path."""
    parts = urlsplit(without_connection(uri))
    if parts.scheme == "tiktok":
        return namespace_and_name(uri)
    if parts.scheme in {"", "file"}:
        return "file", parts.path
    return f"{parts.scheme}://{parts.netloc}", parts.path.lstrip("/")


def _place(uri: str, hop: Hop) -> tuple[str, str]:
    """The snapshots of all runs are one dataset, whose version is the run's."""
    return place_of(uri.rsplit("/", 2)[0] if uri == hop.snapshot else uri)


def _version(hop: Hop) -> dataset_version_dataset.DatasetVersionDatasetFacet:
    return dataset_version_dataset.DatasetVersionDatasetFacet("/".join(hop.snapshot.rsplit("/", 2)[1:]))


def _input(place: tuple[str, str], hop: Hop) -> InputDataset:
    statistics = input_statistics_input_dataset.InputStatisticsInputDatasetFacet(rowCount=hop.rows_read)
    alone = len(hop.sources) == 1  # else nobody knows how many rows came from which
    facets: dict[str, DatasetFacet] = {"schema": _schema(hop.columns)} if hop.sources and hop.columns else {}
    if hop.snapshot in hop.sources:
        facets["version"] = _version(hop)
    return InputDataset(
        namespace=place[0],
        name=place[1],
        facets=facets,
        inputFacets={"inputStatistics": statistics} if alone and hop.rows_read is not None else {},
    )


def _output(uri: str, hop: Hop, origins: Mapping[str, list[Column]]) -> OutputDataset:
    namespace, name = _place(uri, hop)
    facets: dict[str, DatasetFacet] = {}
    if hop.columns:
        facets = {"schema": _schema(hop.columns.values()), "columnLineage": _column_lineage(hop, origins)}
    if uri == hop.snapshot:
        facets["version"] = _version(hop)
    statistics = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(rowCount=hop.rows_written)
    return OutputDataset(
        namespace=namespace,
        name=name,
        facets=facets,
        outputFacets={} if hop.rows_written is None else {"outputStatistics": statistics},
    )


def _schema(names: Iterable[str]) -> schema_dataset.SchemaDatasetFacet:
    return schema_dataset.SchemaDatasetFacet(
        fields=[schema_dataset.SchemaDatasetFacetFields(name=name) for name in names]
    )


def _column_lineage(hop: Hop, origins: Mapping[str, list[Column]]) -> column_lineage_dataset.ColumnLineageDatasetFacet:
    transformation = HASHED if hop.hashed else SENT
    return column_lineage_dataset.ColumnLineageDatasetFacet(
        fields={
            kind: column_lineage_dataset.Fields(
                inputFields=[
                    column_lineage_dataset.InputField(
                        namespace=namespace, name=name, field=field, transformations=[transformation]
                    )
                    for namespace, name, field in origins[column]
                ]
            )
            for column, kind in hop.columns.items()
            if origins.get(column)
        }
    )
