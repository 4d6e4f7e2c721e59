"""Azure Machine Learning's `/score`: the plain contract, and the table that its MLflow deployments take.

Source: https://learn.microsoft.com/azure/machine-learning/how-to-deploy-mlflow-models, "Input formats".
"""

from typing import Any, Final

from modelberth_server.contracts.content import require_json
from modelberth_server.contracts.contract import Prediction
from modelberth_server.contracts.numbers import inputs_of_numbers
from modelberth_server.contracts.plain import KEYS, rows_of, whole_response
from modelberth_server.contracts.rows import inputs_of_rows, output_names
from modelberth_server.errors import RequestError
from modelberth_server.http.message import Request
from modelberth_server.json_body import expect, may_hold_booleans, parse, refuse_unknown
from modelberth_server.model.signature import Signature
from modelberth_server.tensors import Array, shown

__all__ = ["score"]

TABLE: Final = "input_data"
_MEMBERS: Final = dict.fromkeys(("columns", "index", "data"))


def score(signature: Signature, request: Request) -> Prediction:
    """Read `POST /score`: as `POST /predict`, and `{"input_data": rows}` or `{"input_data": table}`.

    A table is `{"columns": [...], "index": [...], "data": [rows]}`, which pandas calls the orient "split".
    Where all columns together are the model's inputs by name, or it has a step of its own before it, each row
    becomes an object of its columns; else it is the value of the one input, whose columns have no names to
    compare. The index only counts the rows.

    Raises:
        RequestError: 400, naming the field at fault, or 415.

    """
    require_json(request)
    names = output_names(signature)
    if (inputs := inputs_of_numbers(signature, request.body, (*KEYS, TABLE))) is not None:
        return Prediction(inputs, names, whole_response(names))
    value, key = rows_of(parse(request.body), (*KEYS, TABLE))
    booleans = may_hold_booleans(request.body)
    if key == TABLE and type(value) is dict:
        inputs = _inputs_of_table(signature, value, booleans=booleans)
    else:
        inputs = inputs_of_rows(signature, value, key, booleans=booleans)
    return Prediction(inputs, names, whole_response(names))


def _inputs_of_table(signature: Signature, table: dict[str, Any], *, booleans: bool) -> dict[str, Array]:
    refuse_unknown(table, _MEMBERS, TABLE)
    where = f"{TABLE}.data"
    rows = expect(table.get("data"), list, where)
    index = table.get("index")
    if index is not None and len(expect(index, list, f"{TABLE}.index")) != len(rows):
        raise RequestError(400, f"{TABLE}.index: {len(index)} values, {where} has {len(rows)}")
    columns = table.get("columns")
    if columns is None:
        return inputs_of_rows(signature, rows, where, booleans=booleans)
    names = _names(columns)
    for at, row in enumerate(rows):
        if len(expect(row, list, f"{where}[{at}]")) != len(names):
            raise RequestError(400, f"{where}[{at}]: {len(row)} values, {TABLE}.columns has {len(names)}")
    if signature.preprocess is not None or set(names) == {spec.name for spec in signature.inputs}:
        rows = [dict(zip(names, row, strict=True)) for row in rows]
    return inputs_of_rows(signature, rows, where, booleans=booleans)


def _names(columns: Any) -> list[str]:
    names: list[str] = []
    for at, name in enumerate(expect(columns, list, f"{TABLE}.columns")):
        where = f"{TABLE}.columns[{at}]"
        if expect(name, str, where) in names:
            raise RequestError(400, f"{where}: {shown(name)} was given before")
        names.append(name)
    return names
